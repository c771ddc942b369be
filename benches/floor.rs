//! Writes the files of a packed list and does nothing else: no program that writes them can cost less. A plain create and
//! write of each, with its mode; nothing is read, compared, synced or renamed.
//!
//! Usage: `floor LIST FOLDER…`, the same files into each folder. LIST is made by `bench`, for each entry a line
//! `MODE LENGTH PATH` and then the contents; `-` stands for the length of a folder.

#![allow(clippy::disallowed_methods, clippy::print_stderr, reason = "it measures, and is no part of the program")]

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{Error, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::process::ExitCode;

fn write(mut list: &[u8], folder: &Path) -> Result<(), Error> {
    let broken = || Error::other("the list is broken");
    fs::create_dir_all(folder)?;
    while let Some(end) = list.iter().position(|byte| *byte == b'\n') {
        let (line, rest) = list.split_at_checked(end).ok_or_else(broken)?;
        let line = std::str::from_utf8(line).map_err(Error::other)?;
        let [mode, length, path] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else { return Err(broken()) };
        let mode = u32::from_str_radix(mode, 8).map_err(Error::other)?;
        let rest = rest.get(1..).ok_or_else(broken)?;
        if length == "-" {
            DirBuilder::new().mode(mode).create(folder.join(path))?;
            list = rest;
        } else {
            let length = length.parse().map_err(Error::other)?;
            let (contents, rest) = rest.split_at_checked(length).ok_or_else(broken)?;
            let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(folder.join(path))?;
            file.write_all(contents)?;
            list = rest;
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let Some((list, folders)) = arguments.split_first().filter(|(_, folders)| !folders.is_empty()) else {
        eprintln!("usage: floor LIST FOLDER...");
        return ExitCode::from(2);
    };
    let written = fs::read(list).and_then(|list| folders.iter().try_for_each(|folder| write(&list, Path::new(folder))));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("floor: {error}");
            ExitCode::FAILURE
        }
    }
}
