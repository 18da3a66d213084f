// SPDX-License-Identifier: GPL-2.0

//! Where it comes from.

use crate::{
    cli::Cli,
    read::{self, Bond, Device, Id, Set},
};
use anyhow::{bail, Context, Result};
use std::{collections::HashMap, fs, io::ErrorKind};

/// A file of the module, or why there is none.
fn file(cli: &Cli, name: &str) -> Result<String> {
    let path = cli.debugfs.join(name);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text),
        Err(err) if err.kind() == ErrorKind::PermissionDenied => bail!(
            "{} is not for you to read: whose IDs there are, only root may see\n\
             (or whom root lets read debugfs: mount -o remount,mode=755 /sys/kernel/debug)",
            path.display()
        ),
        Err(err) if err.kind() == ErrorKind::NotFound => bail!(
            "{} is not there: is the module ioasid loaded, and debugfs mounted?",
            path.display()
        ),
        Err(err) => Err(err).with_context(|| path.display().to_string()),
    }
}

pub fn ids(cli: &Cli) -> Result<Vec<Id>> {
    let mut ids = read::ids(&file(cli, "ids")?)?;
    // Those that have devices are few, and their names are in a table of their own.
    if ids.iter().any(|id| id.bound.iter().any(|by| by == "sva")) {
        let mut devices: HashMap<u32, Vec<String>> = HashMap::new();
        for Bond { ioasid, device, .. } in read::bonds(&file(cli, "bonds")?)? {
            devices.entry(ioasid).or_default().push(device);
        }
        for id in &mut ids {
            id.devices = devices.remove(&id.ioasid).unwrap_or_default();
        }
    }
    Ok(ids)
}

pub fn sets(cli: &Cli) -> Result<Vec<Set>> {
    read::sets(&file(cli, "sets")?)
}

pub fn devices(cli: &Cli) -> Result<Vec<Device>> {
    read::devices(&file(cli, "devices")?)
}
