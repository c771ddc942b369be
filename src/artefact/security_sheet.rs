//! `docs/SECURITY.md`: the checklist with its evidence, the attacks, the controls.

use minijinja::value::Value;
use serde::Serialize;

use super::{Document, context};
use crate::model::Model;
use crate::render::File;
use crate::report::SecurityReport;

pub(super) const DOCUMENT: Document = Document { path: TEMPLATE, template: TEMPLATE, context: data };

const TEMPLATE: &str = "docs/SECURITY.md";

#[derive(Serialize)]
struct Sheet {
    report: SecurityReport,
}

fn data(model: &Model, files: &[File]) -> Value {
    context(model, Sheet { report: SecurityReport::new(model, files) })
}
