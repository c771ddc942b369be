//! `docs/ACCESS.md`: who may do what, computed from the ACL file that is written beside it.

use minijinja::value::Value;
use serde::Serialize;

use super::{Artefact, context, with_source};
use crate::access::Access;
use crate::access::sheet::{self, Sheet};
use crate::model::Model;

pub(super) const ARTEFACT: Artefact = Artefact {
    path: |_| "docs/ACCESS.md".to_owned(),
    mode: 0o644,
    wanted: |_| true,
    template: TEMPLATE,
    context: data,
};

/// The template of the sheet.
pub const TEMPLATE: &str = "docs/ACCESS.md";

#[derive(Serialize)]
struct Document {
    sheet: Sheet,
}

fn data(model: &Model) -> Value {
    context(model, Document { sheet: sheet::sheet(&Access::of_model(model)) })
}

/// Data of the template for any file; `source` is its name.
pub fn of_file(access: &Access, source: &str) -> Value {
    with_source(source, Document { sheet: sheet::sheet(access) })
}
