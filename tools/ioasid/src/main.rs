// SPDX-License-Identifier: GPL-2.0

//! `lsioasid`: I/O address space IDs (PASIDs), whose they are and who holds them.

mod cli;
mod read;
mod show;
mod sources;
mod why;

use anyhow::Result;
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    cli.color.write_global();
    match run(&cli) {
        Ok(code) => code,
        // Whoever reads has seen enough: `lsioasid | head`.
        Err(err) if is_broken_pipe(&err) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("lsioasid: {err:#}");
            ExitCode::from(2)
        }
    }
}

fn run(cli: &cli::Cli) -> Result<ExitCode> {
    match &cli.command {
        None => show::list(cli),
        Some(cli::Command::Owner { ioasid }) => show::owner(cli, *ioasid),
        Some(cli::Command::Why { device }) => why::why(cli, device),
        Some(cli::Command::Top { lines }) => show::top(cli, *lines),
        Some(cli::Command::Completions { shell }) => cli::completions(*shell),
        Some(cli::Command::Man) => cli::man(),
    }
}

fn is_broken_pipe(err: &anyhow::Error) -> bool {
    err.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|err| err.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
