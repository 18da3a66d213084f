// SPDX-License-Identifier: GPL-2.0

//! IDs and sets, for people and for programs.

use crate::{
    cli::{Cli, Tree},
    read::{printable, Id, Set, State},
    sources,
};
use anstyle::{AnsiColor, Style};
use anyhow::Result;
use comfy_table::{presets, Cell, CellAlignment, Table};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{stdout, IsTerminal, Write as _},
    process::ExitCode,
    thread::sleep,
    time::Duration,
};

const NONE: &str = "-";

fn styled(text: &str, style: Style) -> String {
    format!("{style}{text}{style:#}")
}

fn state_style(state: State) -> Style {
    match state {
        State::Idle => Style::new(),
        State::Active => AnsiColor::Green.on_default(),
        State::Pending => AnsiColor::Yellow.on_default().bold(),
        State::Resting => Style::new().dimmed(),
    }
}

/// A span of time as a person says it.
pub fn span(secs: u64) -> String {
    match secs {
        0..60 => format!("{secs}s"),
        60..3600 => format!("{}m{:02}s", secs / 60, secs % 60),
        3600..86_400 => format!("{}h{:02}m", secs / 3600, secs / 60 % 60),
        _ => format!("{}d{:02}h", secs / 86_400, secs / 3600 % 24),
    }
}

fn or_none<T: ToString>(value: Option<T>) -> String {
    value.map_or(NONE.into(), |value| value.to_string())
}

fn name(comm: Option<&str>) -> String {
    comm.map_or(NONE.into(), printable)
}

/// Who holds an ID besides its owner.
fn held_by(id: &Id) -> String {
    let mut all: Vec<_> = id
        .holders
        .iter()
        .map(|holder| match holder.count {
            1 => printable(&holder.name),
            count => format!("{} x{count}", printable(&holder.name)),
        })
        .collect();
    match id.unnamed() {
        0 => {}
        1 => all.push("1 unnamed".into()),
        count => all.push(format!("{count} unnamed")),
    }
    if all.is_empty() {
        NONE.into()
    } else {
        all.join(", ")
    }
}

fn bound_to(id: &Id) -> String {
    let mut all: Vec<_> = id.devices.iter().map(|device| printable(device)).collect();
    if let Some(spid) = id.spid {
        all.insert(0, format!("SPID {spid}"));
    }
    if all.is_empty() {
        NONE.into()
    } else {
        all.join(", ")
    }
}

/// A table with that heading; columns that begin with `>` are numbers.
fn new_table(heading: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    let bold = Style::new().bold();
    table.set_header(
        heading
            .iter()
            .map(|name| Cell::new(styled(name.trim_start_matches('>'), bold))),
    );
    for (column, name) in table.column_iter_mut().zip(heading) {
        column.set_padding((0, 2));
        if name.starts_with('>') {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// The lines of a table without blanks at their ends.
fn lines(table: &Table) -> String {
    let mut text = String::new();
    for line in table.lines() {
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

pub fn id_table(ids: &[Id]) -> String {
    let mut table = new_table(&[
        ">PASID", "STATE", ">PID", "COMMAND", ">SET", "BOUND TO", "HELD BY", ">SINCE",
    ]);
    for id in ids {
        table.add_row([
            id.ioasid.to_string(),
            styled(id.state.name(), state_style(id.state)),
            or_none(id.pid),
            name(id.comm.as_deref()),
            id.set.to_string(),
            bound_to(id),
            held_by(id),
            span(id.age_secs),
        ]);
    }
    lines(&table)
}

/// A process as the head of a tree, or as part of a line.
fn process(pid: Option<u32>, comm: &str) -> String {
    match pid {
        Some(pid) if comm == NONE => format!("process {pid}, which has ended"),
        Some(pid) => format!("{comm} ({pid})"),
        None => "no process".into(),
    }
}

fn set_line(number: u32, set: Option<&Set>) -> String {
    match set {
        Some(set) if set.quota != 0 => format!(
            "set {number} ({}), {} of {} in use",
            set.kind, set.used, set.quota
        ),
        Some(set) => format!("set {number} ({}), {} in use", set.kind, set.used),
        None => format!("set {number}"),
    }
}

/// A leaf of a tree.
fn id_line(id: &Id) -> String {
    let state = styled(id.state.name(), state_style(id.state));
    let mut line = format!("PASID {} {state}", id.ioasid);
    for (what, who) in [("bound to", bound_to(id)), ("held by", held_by(id))] {
        if who != NONE {
            let _ = write!(line, ", {what} {who}");
        }
    }
    line
}

/// IDs below sets below processes.
pub fn id_tree(ids: &[Id], sets: &[Set]) -> String {
    let known: BTreeMap<u32, &Set> = sets.iter().map(|set| (set.set, set)).collect();
    type BySet<'a> = BTreeMap<u32, Vec<&'a Id>>;
    let mut tree: BTreeMap<(Option<u32>, String), BySet<'_>> = BTreeMap::new();
    for id in ids {
        let process = (id.pid, name(id.comm.as_deref()));
        let sets = tree.entry(process).or_default();
        sets.entry(id.set).or_default().push(id);
    }
    let bold = Style::new().bold();
    let mut text = String::new();
    for ((pid, comm), sets) in &tree {
        let _ = writeln!(text, "{}", styled(&process(*pid, comm), bold));
        for (at, (number, ids)) in sets.iter().enumerate() {
            let (branch, stem) = branches(at + 1 == sets.len());
            let set = set_line(*number, known.get(number).copied());
            let _ = writeln!(text, "{branch}{set}");
            for (at, id) in ids.iter().enumerate() {
                let (branch, _) = branches(at + 1 == ids.len());
                let _ = writeln!(text, "{stem}{branch}{}", id_line(id));
            }
        }
    }
    text
}

/// IDs below sets, which are those of virtual machines; of a set of many, whose each one is.
pub fn set_tree(ids: &[Id], sets: &[Set]) -> String {
    let mut tree: BTreeMap<u32, Vec<&Id>> = BTreeMap::new();
    for id in ids {
        tree.entry(id.set).or_default().push(id);
    }
    let bold = Style::new().bold();
    let mut text = String::new();
    for (number, ids) in &tree {
        let set = sets.iter().find(|set| set.set == *number);
        let mut head = set_line(*number, set);
        let owner = set.and_then(|set| set.pid.map(|_| set));
        if let Some(set) = owner {
            let process = process(set.pid, &name(set.comm.as_deref()));
            head = format!("{process}: {head}");
        }
        let _ = writeln!(text, "{}", styled(&head, bold));
        for (at, id) in ids.iter().enumerate() {
            let (branch, _) = branches(at + 1 == ids.len());
            let _ = write!(text, "{branch}{}", id_line(id));
            if owner.is_none() {
                let process = process(id.pid, &name(id.comm.as_deref()));
                let _ = write!(text, ", of {process}");
            }
            text.push('\n');
        }
    }
    text
}

fn branches(is_last: bool) -> (&'static str, &'static str) {
    if is_last {
        ("└─ ", "   ")
    } else {
        ("├─ ", "│  ")
    }
}

#[derive(Serialize)]
struct All {
    ids: Vec<Id>,
    sets: Vec<Set>,
}

pub fn list(cli: &Cli) -> Result<ExitCode> {
    loop {
        let mut ids = sources::ids(cli)?;
        ids.retain(|id| cli.filter.wants(id));
        let text = if cli.json {
            let sets = sources::sets(cli)?;
            let all = All { ids, sets };
            if cli.watch.is_some() {
                serde_json::to_string(&all)? + "\n"
            } else {
                serde_json::to_string_pretty(&all)? + "\n"
            }
        } else {
            match cli.tree {
                Some(Tree::Process) => id_tree(&ids, &sources::sets(cli)?),
                Some(Tree::Set) => set_tree(&ids, &sources::sets(cli)?),
                None => id_table(&ids),
            }
        };
        print(cli, &text)?;
        let Some(secs) = cli.watch else {
            return Ok(ExitCode::SUCCESS);
        };
        sleep(Duration::from_secs(secs));
    }
}

/// Prints, on a screen of its own if a terminal is watched.
fn print(cli: &Cli, text: &str) -> Result<()> {
    let mut out = anstream::stdout().lock();
    if cli.watch.is_some() && !cli.json {
        if stdout().is_terminal() {
            out.write_all(b"\x1b[H\x1b[2J")?;
        }
        out.write_all(text.as_bytes())?;
        if !stdout().is_terminal() {
            out.write_all(b"\n")?;
        }
    } else {
        out.write_all(text.as_bytes())?;
    }
    out.flush()?;
    Ok(())
}

/// What is known of an ID, in sentences.
pub fn told(id: &Id, set: Option<&Set>) -> String {
    let mut text = String::new();
    let state = styled(id.state.name(), state_style(id.state));
    let since = span(id.age_secs);
    let what = match id.state {
        State::Pending => format!("{state}: freed by its owner {since} ago, and held by others"),
        State::Resting => format!("{state}: reclaimed, and not to be used again yet"),
        State::Idle | State::Active => format!("{state}, allocated {since} ago"),
    };
    let process = match id.pid {
        Some(_) => process(id.pid, &name(id.comm.as_deref())),
        None => "none".into(),
    };
    let set = match set {
        Some(set) => format!("{} ({}, {})", set.set, set.kind, set.state),
        None => id.set.to_string(),
    };
    let _ = writeln!(text, "PASID {}: {what}", id.ioasid);
    for (label, value) in [
        ("owner", process),
        ("set", set),
        ("allocator", id.allocator.clone()),
        ("bound to", bound_to(id)),
        ("held by", held_by(id)),
    ] {
        let _ = writeln!(text, "  {:<10} {value}", format!("{label}:"));
    }
    text
}

pub fn owner(cli: &Cli, ioasid: u32) -> Result<ExitCode> {
    let ids = sources::ids(cli)?;
    let Some(id) = ids.into_iter().find(|id| id.ioasid == ioasid) else {
        if cli.json {
            print(cli, "null\n")?;
        } else {
            eprintln!("lsioasid: PASID {ioasid} is nobody's");
        }
        return Ok(ExitCode::from(1));
    };
    if cli.json {
        print(cli, &(serde_json::to_string_pretty(&id)? + "\n"))?;
    } else {
        let sets = sources::sets(cli)?;
        let set = sets.iter().find(|set| set.set == id.set);
        print(cli, &told(&id, set))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Those first that use most of their quota, then those without one that have most.
pub fn by_use(sets: &mut [Set]) {
    sets.sort_by(|one, other| {
        let key = |set: &Set| (set.percent(), set.used);
        key(other).cmp(&key(one)).then(one.set.cmp(&other.set))
    });
}

pub fn set_table(sets: &[Set]) -> String {
    let mut table = new_table(&[
        ">SET", "TYPE", "STATE", ">PID", "COMMAND", ">QUOTA", ">USE", ">PEAK", ">FULL", ">REFUSED",
        ">SPIDS",
    ]);
    for set in sets {
        let style = match set.percent() {
            Some(90..) => AnsiColor::Red.on_default().bold(),
            Some(75..) => AnsiColor::Yellow.on_default(),
            _ => Style::new(),
        };
        let full = set.percent().map(|percent| format!("{percent}%"));
        table.add_row([
            set.set.to_string(),
            set.kind.clone(),
            set.state.clone(),
            or_none(set.pid),
            name(set.comm.as_deref()),
            or_none((set.quota != 0).then_some(set.quota)),
            set.used.to_string(),
            set.peak.to_string(),
            styled(&or_none(full), style),
            set.failures.to_string(),
            set.spids.to_string(),
        ]);
    }
    lines(&table)
}

pub fn top(cli: &Cli, count: usize) -> Result<ExitCode> {
    let mut sets = sources::sets(cli)?;
    by_use(&mut sets);
    sets.truncate(count);
    let text = if cli.json {
        serde_json::to_string_pretty(&sets)? + "\n"
    } else {
        set_table(&sets)
    };
    print(cli, &text)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::Filter,
        read::{
            self,
            tests::{IDS, SETS},
        },
    };

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    fn ids() -> Vec<Id> {
        let mut ids = read::ids(IDS).unwrap();
        ids[6].devices = vec!["0000:01:00.0".into()];
        ids
    }

    #[test]
    fn table_is_aligned() {
        let text = plain(&id_table(&ids()));
        assert_eq!(text, include_str!("../tests/data/table"));
    }

    #[test]
    fn tree_goes_by_process_and_set() {
        let text = plain(&id_tree(&ids(), &read::sets(SETS).unwrap()));
        assert_eq!(text, include_str!("../tests/data/tree"));
    }

    #[test]
    fn tree_goes_by_set() {
        let text = plain(&set_tree(&ids(), &read::sets(SETS).unwrap()));
        assert_eq!(text, include_str!("../tests/data/tree-by-set"));
    }

    #[test]
    fn sets_are_by_their_use() {
        let mut sets = read::sets(SETS).unwrap();
        by_use(&mut sets);
        assert_eq!(plain(&set_table(&sets)), include_str!("../tests/data/top"));
    }

    #[test]
    fn owner_is_told_in_words() {
        let (ids, sets) = (ids(), read::sets(SETS).unwrap());
        let text = plain(&told(&ids[1], sets.first()));
        assert!(text.contains("PASID 2: pending: freed by its owner 1m15s ago"));
        assert!(text.contains("process 115, which has ended"));
        assert!(text.contains("queue 1, 1 unnamed"));
    }

    #[test]
    fn filters_are_all_met() {
        let all = ids();
        let count = |filter: Filter| all.iter().filter(|id| filter.wants(id)).count();
        assert_eq!(count(Filter::default()), 7);
        let (pid, set) = (Some(115), Some(1));
        assert_eq!(
            count(Filter {
                pid,
                ..Default::default()
            }),
            4
        );
        assert_eq!(
            count(Filter {
                set,
                ..Default::default()
            }),
            2
        );
        assert_eq!(
            count(Filter {
                pid,
                set,
                ..Default::default()
            }),
            0
        );
        let state = vec![State::Pending, State::Active];
        assert_eq!(
            count(Filter {
                state,
                ..Default::default()
            }),
            4
        );
        let device = Some("0000:01:00.0".into());
        assert_eq!(
            count(Filter {
                device,
                ..Default::default()
            }),
            1
        );
    }

    #[test]
    fn spans_are_short() {
        for (secs, text) in [(0, "0s"), (75, "1m15s"), (3660, "1h01m"), (90_000, "1d01h")] {
            assert_eq!(span(secs), text);
        }
    }

    #[test]
    fn nobody_paints_the_screen_by_his_name() {
        let mut ids = ids();
        ids[0].comm = Some("\x1b[31mred\n".into());
        ids[0].holders = vec![read::Holder {
            name: "\x07".into(),
            count: 1,
        }];
        let text = plain(&id_table(&ids));
        assert!(text.contains("?[31mred?"));
        assert!(!text.contains('\x07'));
    }
}
