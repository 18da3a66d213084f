// SPDX-License-Identifier: GPL-2.0

//! The tables of debugfs, as text and as what it means.
//!
//! Columns are found by their names: those that come later do no harm.

use anyhow::{bail, Context, Result};
use clap::ValueEnum;
use serde::Serialize;
use std::{collections::HashMap, str::FromStr};

/// A table: a heading and lines of columns without blanks. The last column may have some.
struct Table<'a> {
    name: &'static str,
    columns: HashMap<&'a str, usize>,
    lines: Vec<Vec<&'a str>>,
}

impl<'a> Table<'a> {
    fn new(name: &'static str, text: &'a str) -> Result<Self> {
        let mut lines = text.lines();
        let heading: Vec<_> = lines.next().unwrap_or("").split_whitespace().collect();
        if heading.is_empty() {
            bail!("{name}: no heading");
        }
        let count = heading.len();
        let mut rows = Vec::new();
        for line in lines {
            let row = split(line, count);
            if row.len() != count {
                bail!("{name}: not {count} columns: {line:?}");
            }
            rows.push(row);
        }
        Ok(Self {
            name,
            columns: heading.into_iter().zip(0..).collect(),
            lines: rows,
        })
    }

    fn rows(&self) -> impl Iterator<Item = Row<'_, 'a>> {
        self.lines.iter().map(|line| Row { table: self, line })
    }
}

/// The columns of a line; what is behind the last one belongs to it.
fn split(line: &str, count: usize) -> Vec<&str> {
    let mut rest = line.trim();
    let mut columns = Vec::with_capacity(count);
    while !rest.is_empty() {
        if columns.len() + 1 == count {
            columns.push(rest);
            break;
        }
        let (column, behind) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        columns.push(column);
        rest = behind.trim_start();
    }
    columns
}

struct Row<'t, 'a> {
    table: &'t Table<'a>,
    line: &'t [&'a str],
}

impl<'a> Row<'_, 'a> {
    fn text(&self, name: &str) -> Result<&'a str> {
        let at = self.table.columns.get(name);
        at.and_then(|at| self.line.get(*at).copied())
            .with_context(|| format!("{}: no column {name:?}", self.table.name))
    }

    /// A column that is not `-`.
    fn some(&self, name: &str) -> Result<Option<&'a str>> {
        Ok(Some(self.text(name)?).filter(|text| *text != "-"))
    }

    fn number<T: FromStr>(&self, name: &str) -> Result<T> {
        let text = self.text(name)?;
        text.parse()
            .ok()
            .with_context(|| format!("{}: {name} is no number: {text:?}", self.table.name))
    }

    fn number_if_any<T: FromStr>(&self, name: &str) -> Result<Option<T>> {
        match self.some(name)? {
            Some(_) => self.number(name).map(Some),
            None => Ok(None),
        }
    }
}

/// Text as it was before the kernel replaced blanks and the like by `\040` and the like.
pub fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let octal = bytes
            .get(at + 1..at + 4)
            .filter(|_| bytes[at] == b'\\')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match octal {
            Some(byte) => {
                out.push(byte);
                at += 4;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Text that a terminal may be given, whoever has chosen it.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|one| if one.is_control() { '?' } else { one })
        .collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Allocated, and nobody is bound to it
    Idle,
    /// Something is bound to it
    Active,
    /// Freed by its owner and held by others
    Pending,
    /// Reclaimed, and not to be used again yet
    Resting,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Resting => "resting",
        }
    }
}

/// References that were taken under a name.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Holder {
    pub name: String,
    pub count: u64,
}

fn holders(text: &str) -> Vec<Holder> {
    text.split(',')
        .filter_map(|one| {
            let (name, count) = one.rsplit_once(':')?;
            Some(Holder {
                name: unescape(name),
                count: count.parse().ok()?,
            })
        })
        .collect()
}

/// An ID.
#[derive(Debug, Serialize)]
pub struct Id {
    pub ioasid: u32,
    pub state: State,
    /// Besides the owner's.
    pub refs: u64,
    pub set: u32,
    pub spid: Option<u32>,
    pub allocator: String,
    pub pid: Option<u32>,
    /// None if the process has gone.
    pub comm: Option<String>,
    /// Since it was allocated, or freed if it is pending.
    pub age_secs: u64,
    pub bound: Vec<String>,
    pub holders: Vec<Holder>,
    pub devices: Vec<String>,
}

impl Id {
    /// References without a name.
    pub fn unnamed(&self) -> u64 {
        let named: u64 = self.holders.iter().map(|holder| holder.count).sum();
        self.refs.saturating_sub(named)
    }
}

pub fn ids(text: &str) -> Result<Vec<Id>> {
    let table = Table::new("ids", text)?;
    table
        .rows()
        .map(|row| {
            let state = row.text("state")?;
            Ok(Id {
                ioasid: row.number("ioasid")?,
                state: State::from_str(state, false)
                    .ok()
                    .with_context(|| format!("ids: unknown state {state:?}"))?,
                refs: row.number("refs")?,
                set: row.number("set")?,
                spid: row.number_if_any("spid")?,
                allocator: row.text("allocator")?.into(),
                pid: row.number_if_any("pid")?,
                comm: row.some("comm")?.map(unescape),
                age_secs: row.number("age")?,
                bound: row
                    .some("bound")?
                    .map(|bound| bound.split('+').map(Into::into).collect())
                    .unwrap_or_default(),
                holders: row.some("holders")?.map(holders).unwrap_or_default(),
                devices: Vec::new(),
            })
        })
        .collect()
}

/// A set.
#[derive(Debug, Serialize)]
pub struct Set {
    pub set: u32,
    #[serde(rename = "type")]
    pub kind: String,
    pub state: String,
    /// 0 is none.
    pub quota: u32,
    #[serde(rename = "use")]
    pub used: u32,
    pub peak: u32,
    pub failures: u32,
    pub spids: u32,
    pub refs: u64,
    pub pid: Option<u32>,
    pub comm: Option<String>,
    pub age_secs: Option<u64>,
}

impl Set {
    /// How much of its quota it uses, in percent.
    pub fn percent(&self) -> Option<u32> {
        let percent = u64::from(self.used) * 100;
        (self.quota != 0).then(|| (percent / u64::from(self.quota)) as u32)
    }
}

pub fn sets(text: &str) -> Result<Vec<Set>> {
    let table = Table::new("sets", text)?;
    table
        .rows()
        .map(|row| {
            Ok(Set {
                set: row.number("set")?,
                kind: row.text("type")?.into(),
                state: row.text("state")?.into(),
                quota: row.number("quota")?,
                used: row.number("use")?,
                peak: row.number("peak")?,
                failures: row.number("failures")?,
                spids: row.number("spids")?,
                refs: row.number("refs")?,
                pid: row.number_if_any("pid")?,
                comm: row.some("comm")?.map(unescape),
                age_secs: row.number_if_any("age")?,
            })
        })
        .collect()
}

/// A device that is bound to what an ID stands for.
#[derive(Debug, Serialize)]
pub struct Bond {
    pub ioasid: u32,
    pub device: String,
    pub state: String,
    pub count: u64,
}

pub fn bonds(text: &str) -> Result<Vec<Bond>> {
    let table = Table::new("bonds", text)?;
    table
        .rows()
        .map(|row| {
            Ok(Bond {
                ioasid: row.number("ioasid")?,
                device: unescape(row.text("device")?),
                state: row.text("state")?.into(),
                count: row.number("count")?,
            })
        })
        .collect()
}

/// A device that the module knows.
#[derive(Debug, Serialize)]
pub struct Device {
    pub device: String,
    /// `core`, `driver` or `off`.
    pub sva: String,
    pub bonds: u32,
    /// 0 is no limit.
    pub max: u32,
    pub first: u32,
    pub last: u32,
    pub shares: u32,
    pub why: Option<String>,
}

pub fn devices(text: &str) -> Result<Vec<Device>> {
    let table = Table::new("devices", text)?;
    table
        .rows()
        .map(|row| {
            Ok(Device {
                device: unescape(row.text("device")?),
                sva: row.text("sva")?.into(),
                bonds: row.number("bonds")?,
                max: row.number("max")?,
                first: row.number("first")?,
                last: row.number("last")?,
                shares: row.number("shares")?,
                why: row.some("why")?.map(Into::into),
            })
        })
        .collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub const IDS: &str = include_str!("../tests/data/ids");
    pub const SETS: &str = include_str!("../tests/data/sets");
    const BONDS: &str = include_str!("../tests/data/bonds");
    const DEVICES: &str = include_str!("../tests/data/devices");

    #[test]
    fn ids_are_read() {
        let ids = ids(IDS).unwrap();
        assert_eq!(ids.len(), 7);
        assert_eq!(ids[0].state, State::Idle);
        assert_eq!(ids[0].pid, Some(115));
        assert_eq!(ids[0].comm, None);
        let pending = &ids[1];
        assert_eq!(pending.state, State::Pending);
        assert_eq!((pending.refs, pending.unnamed()), (2, 1));
        let name = "queue 1".into();
        assert_eq!(pending.holders, [Holder { name, count: 1 }]);
        assert_eq!(ids[4].comm.as_deref(), Some("my vm"));
        assert_eq!((ids[4].spid, ids[4].set), (Some(1), 1));
        assert_eq!(ids[6].bound, ["spid", "sva"]);
        let names: Vec<_> = ids[6].holders.iter().map(|holder| &*holder.name).collect();
        assert_eq!(names, ["kvm:0", "vfio,x"]);
    }

    #[test]
    fn other_tables_are_read() {
        let sets = sets(SETS).unwrap();
        assert_eq!(sets.len(), 3);
        assert_eq!((sets[0].pid, sets[0].age_secs), (None, None));
        assert_eq!(sets[1].percent(), Some(66));
        assert_eq!(sets[0].percent(), None);
        let bonds = bonds(BONDS).unwrap();
        assert_eq!((bonds[0].ioasid, &*bonds[0].device), (7, "0000:01:00.0"));
        let devices = devices(DEVICES).unwrap();
        assert_eq!(devices[0].why, None);
        assert_eq!(
            devices[1].why.as_deref(),
            Some("the device has no PASID capability")
        );
    }

    #[test]
    fn new_columns_and_another_order_do_no_harm() {
        let text = "new device ioasid count state\n1 dma0 5 2 bound\n";
        let bonds = bonds(text).unwrap();
        assert_eq!((bonds[0].ioasid, bonds[0].count), (5, 2));
    }

    #[test]
    fn what_is_no_table_is_refused() {
        for bad in [
            "",
            "\n",
            "ioasid state\n1\n",
            "ioasid device state count\nx dma0 bound 1\n",
            "ioasid device state count\n1 dma0 bound -1\n",
            "ioasid device state count\n4294967296 dma0 bound 1\n",
        ] {
            assert!(bonds(bad).is_err(), "{bad:?}");
        }
        assert!(ids(&IDS.replace("pending", "lost   ")).is_err());
        assert!(ids("ioasid  state\n").unwrap().is_empty());
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(unescape("a\\040b\\054\\134"), "a b,\\");
        for plain in ["", "\\", "\\04", "\\999", "a\\", "\\\u{fc}x"] {
            assert_eq!(unescape(plain), plain);
        }
        assert_eq!(printable(&unescape("\\033[2Jx")), "?[2Jx");
    }
}
