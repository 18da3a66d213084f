// SPDX-License-Identifier: GPL-2.0

//! What can be asked for.

use crate::read::{Id, State};
use anyhow::Result;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::{io::stdout, path::PathBuf, process::ExitCode};

const AFTER: &str = "\
Most of what is shown comes from debugfs, which only root may read unless it is mounted otherwise. \
Without it, what is missing is said, and the exit code is 2.

Exit code: 0; 1 if what was asked for is not there, or `why` has found an obstacle; 2 if something \
could not be read.";

/// Lists I/O address space IDs (IOASIDs; on PCI: PASIDs), whose they are and who holds them.
#[derive(Parser)]
#[command(version, after_long_help = AFTER, args_conflicts_with_subcommands = false)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Shows the IDs below their sets, and these below their processes; or, with `set` or `vm`,
    /// below their sets, such as virtual machines
    #[arg(short, long, value_name = "BY", num_args = 0..=1, default_missing_value = "process",
        require_equals = true, conflicts_with = "json")]
    pub tree: Option<Tree>,

    /// Prints JSON: an object, or with --watch one on each line
    #[arg(short, long, global = true)]
    pub json: bool,

    /// Shows it again every so many seconds (2 unless told)
    #[arg(short, long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2",
        require_equals = true, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub watch: Option<u64>,

    #[command(flatten)]
    pub filter: Filter,

    /// Whether to use colours
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    pub color: Color,

    /// Where the module's folder in debugfs is
    #[arg(
        long,
        value_name = "DIR",
        default_value = "/sys/kernel/debug/ioasid",
        global = true
    )]
    pub debugfs: PathBuf,

    /// Where sysfs is
    #[arg(
        long,
        value_name = "DIR",
        default_value = "/sys",
        global = true,
        hide = true
    )]
    pub sysfs: PathBuf,

    /// Where procfs is
    #[arg(
        long,
        value_name = "DIR",
        default_value = "/proc",
        global = true,
        hide = true
    )]
    pub procfs: PathBuf,
}

#[derive(Subcommand)]
pub enum Command {
    /// Tells whose an ID is, as for a fault report that has only the number
    Owner {
        /// The number, decimal or with 0x in front
        #[arg(value_parser = number)]
        ioasid: u32,
    },
    /// Tells why address spaces can be shared with a device, or why not
    Why {
        /// The device, such as 0000:01:00.0
        device: String,
    },
    /// Shows the sets that use most of their quota
    Top {
        /// How many
        #[arg(short = 'n', long, default_value_t = 20)]
        lines: usize,
    },
    /// Prints what a shell needs to complete the arguments
    Completions { shell: Shell },
    /// Prints the manual page
    Man,
}

/// Which IDs are shown: those for which all of this is true.
#[derive(Args, Default)]
pub struct Filter {
    /// Only those of a process
    #[arg(short, long)]
    pub pid: Option<u32>,

    /// Only those of a set
    #[arg(short, long)]
    pub set: Option<u32>,

    /// Only those that a device is bound to
    #[arg(short, long)]
    pub device: Option<String>,

    /// Only those in a state; may be repeated
    #[arg(long, value_name = "STATE")]
    pub state: Vec<State>,
}

impl Filter {
    pub fn wants(&self, id: &Id) -> bool {
        self.pid.is_none_or(|pid| id.pid == Some(pid))
            && self.set.is_none_or(|set| id.set == set)
            && (self.state.is_empty() || self.state.contains(&id.state))
            && self
                .device
                .as_ref()
                .is_none_or(|device| id.devices.iter().any(|one| one == device))
    }
}

/// What a tree begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Tree {
    Process,
    #[value(alias = "vm")]
    Set,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

impl Color {
    pub fn write_global(self) {
        use anstream::ColorChoice;
        match self {
            Self::Auto => ColorChoice::Auto,
            Self::Always => ColorChoice::Always,
            Self::Never => ColorChoice::Never,
        }
        .write_global();
    }
}

fn number(text: &str) -> Result<u32, String> {
    let parsed = match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| "not a number of 32 bits".into())
}

pub fn completions(shell: Shell) -> Result<ExitCode> {
    let mut command = Cli::command();
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, "lsioasid", &mut text);
    std::io::Write::write_all(&mut stdout(), &text)?;
    Ok(ExitCode::SUCCESS)
}

pub fn man() -> Result<ExitCode> {
    let mut text = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut text)?;
    std::io::Write::write_all(&mut stdout(), &text)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_make_sense() {
        Cli::command().debug_assert();
    }

    #[test]
    fn numbers_are_decimal_or_hexadecimal() {
        assert_eq!(number("42"), Ok(42));
        assert_eq!(number("0x2a"), Ok(42));
        for bad in ["", "0x", "-1", "4294967296", "1 2", "abc"] {
            assert!(number(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn watch_takes_a_value_only_behind_an_equals_sign() {
        let cli = Cli::try_parse_from(["lsioasid", "--watch"]).unwrap();
        assert_eq!(cli.watch, Some(2));
        let cli = Cli::try_parse_from(["lsioasid", "--watch=5"]).unwrap();
        assert_eq!(cli.watch, Some(5));
        assert!(Cli::try_parse_from(["lsioasid", "--watch=0"]).is_err());
        assert!(Cli::try_parse_from(["lsioasid", "--tree", "--json"]).is_err());
        let tree = |argument| Cli::try_parse_from(["lsioasid", argument]).map(|cli| cli.tree);
        assert_eq!(tree("--tree").unwrap(), Some(Tree::Process));
        assert_eq!(tree("--tree=vm").unwrap(), Some(Tree::Set));
        assert!(tree("--tree=leaf").is_err());
        assert!(Cli::try_parse_from(["lsioasid", "owner", "x"]).is_err());
        assert!(Cli::try_parse_from(["lsioasid", "--state", "dead"]).is_err());
    }
}
