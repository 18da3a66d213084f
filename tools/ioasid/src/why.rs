// SPDX-License-Identifier: GPL-2.0

//! Whether address spaces can be shared with a device, from the outside in: the device, its group,
//! the IOMMU, the options of the kernel, and what the module says.

use crate::{
    cli::Cli,
    read::{printable, Device},
    sources,
};
use anstyle::{AnsiColor, Style};
use anyhow::{bail, Result};
use serde::Serialize;
use std::{fmt::Write as _, fs, io::Write as _, path::Path, process::ExitCode};

/// How a check has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    /// As it has to be.
    Good,
    /// In the way.
    Bad,
    /// Worth knowing.
    Note,
    /// It could not be seen.
    Unknown,
}

#[derive(Debug, Serialize)]
struct Check {
    what: &'static str,
    verdict: Verdict,
    says: String,
}

fn check(what: &'static str, verdict: Verdict, says: impl Into<String>) -> Check {
    Check {
        what,
        verdict,
        says: says.into(),
    }
}

fn read(path: &Path) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

fn link_name(path: &Path) -> Option<String> {
    let target = fs::canonicalize(path).ok()?;
    Some(target.file_name()?.to_string_lossy().into_owned())
}

fn hex(text: Option<String>) -> Option<u64> {
    u64::from_str_radix(text?.trim_start_matches("0x"), 16).ok()
}

/// Extended capabilities of PCI Express.
const ATS: u16 = 0x0f;
const PRI: u16 = 0x13;
const PASID: u16 = 0x1b;

fn word(config: &[u8], at: usize) -> Option<u16> {
    let bytes = config.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes(bytes.try_into().ok()?))
}

/// Where an extended capability is. The list may be anything, also a circle.
fn capability(config: &[u8], wanted: u16) -> Option<usize> {
    let mut at = 0x100;
    for _ in 0..960 {
        let (id, next) = (word(config, at)?, word(config, at + 2)? >> 4);
        if id == wanted {
            return Some(at);
        }
        at = usize::from(next & 0xffc);
        if at < 0x100 {
            return None;
        }
    }
    None
}

/// What the configuration space of a PCI device says.
fn pci(config: Option<&[u8]>) -> Vec<Check> {
    let what = "PASID capability";
    let Some(config) = config else {
        return vec![check(
            what,
            Verdict::Unknown,
            "the configuration space cannot be read",
        )];
    };
    if config.len() <= 64 {
        return vec![check(what, Verdict::Unknown, "only root may read it")];
    }
    if config.len() <= 256 {
        let says = "the device has none: it is not PCI Express, or the kernel cannot reach it";
        return vec![check(what, Verdict::Bad, says)];
    }
    let Some(at) = capability(config, PASID) else {
        return vec![check(what, Verdict::Bad, "the device has none")];
    };
    let (caps, control) = (
        word(config, at + 4).unwrap_or(0),
        word(config, at + 6).unwrap_or(0),
    );
    let width = (caps >> 8) & 0x1f;
    let mut checks = vec![match control & 1 {
        0 => check(
            what,
            Verdict::Note,
            format!("{width} bits, not switched on: the IOMMU driver does that when it attaches"),
        ),
        _ => check(what, Verdict::Good, format!("{width} bits, switched on")),
    }];
    for (what, id, offset, bit) in [("ATS", ATS, 6, 15), ("page requests", PRI, 4, 0)] {
        checks.push(match capability(config, id) {
            None => check(what, Verdict::Note, "the device cannot"),
            Some(at) if word(config, at + offset).is_some_and(|word| (word >> bit) & 1 == 1) => {
                check(what, Verdict::Good, "switched on")
            }
            Some(_) => check(what, Verdict::Note, "the device can; not switched on"),
        });
    }
    checks
}

/// What the IOMMU of a device can.
fn iommu(device: &Path) -> Vec<Check> {
    let link = device.join("iommu");
    let Some(name) = link_name(&link) else {
        let says = "none translates for the device: is it off in the firmware or for the kernel?";
        return vec![check("IOMMU", Verdict::Bad, says)];
    };
    let mut checks = vec![check("IOMMU", Verdict::Good, name.clone())];
    // Intel's says what it can.
    if let Some(ecap) = hex(read(&link.join("intel-iommu/ecap"))) {
        let has = |bit: u32| (ecap >> bit) & 1 == 1;
        checks.push(if !has(43) {
            check("scalable mode", Verdict::Bad, format!("{name} cannot"))
        } else if !has(40) {
            check(
                "scalable mode",
                Verdict::Bad,
                format!("{name} has no PASIDs"),
            )
        } else {
            let width = ((ecap >> 35) & 0x1f) + 1;
            check(
                "scalable mode",
                Verdict::Good,
                format!("{name} can, PASIDs of {width} bits"),
            )
        });
        if has(43) && !has(47) {
            let says = format!("{name} cannot walk the tables of the CPU");
            checks.push(check("first-stage tables", Verdict::Bad, says));
        }
        if !has(29) {
            let says = format!("{name} takes none: the memory has to be pinned");
            checks.push(check("page requests", Verdict::Note, says));
        }
    }
    checks
}

fn group(device: &Path) -> Check {
    let what = "group";
    let link = device.join("iommu_group");
    let Some(number) = link_name(&link) else {
        return check(what, Verdict::Bad, "the device is in none");
    };
    let kind = read(&link.join("type")).unwrap_or("unknown type".into());
    let members = fs::read_dir(link.join("devices")).map_or(0, |all| all.count());
    let says = format!("{number} ({kind}), {members} devices");
    match members {
        0 | 1 => check(what, Verdict::Good, says.trim_end_matches('s')),
        _ => check(
            what,
            Verdict::Note,
            says + ": they cannot be told apart without ACS",
        ),
    }
}

fn options(line: Option<&str>) -> Check {
    let what = "kernel options";
    let Some(line) = line else {
        return check(what, Verdict::Unknown, "cannot be read");
    };
    let wanted = [
        "iommu=",
        "intel_iommu=",
        "amd_iommu=",
        "iommu.",
        "no5lvl",
        "pci=noats",
    ];
    let found: Vec<_> = line
        .split_whitespace()
        .filter(|word| wanted.iter().any(|start| word.starts_with(start)))
        .collect();
    let is_off = |word: &&&str| {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        name.ends_with("iommu") && value.split(',').any(|one| matches!(one, "off" | "sm_off"))
            || **word == "pci=noats"
    };
    if let Some(word) = found.iter().find(is_off) {
        return check(
            what,
            Verdict::Bad,
            format!("{} switches it off", printable(word)),
        );
    }
    let says = if found.is_empty() {
        "none about it: as the kernel was built".into()
    } else {
        printable(&found.join(" "))
    };
    check(what, Verdict::Note, says)
}

/// Whether the kernel was built for it: by its configuration, or by the names of its functions.
fn built(config: Option<&str>, symbols: Option<&str>) -> Check {
    let what = "CONFIG_IOMMU_SVA";
    let is_function = |line: &str| line.split_whitespace().nth(2) == Some("iommu_sva_bind_device");
    let is_built = match (config, symbols) {
        (Some(config), _) => config.lines().any(|line| line == "CONFIG_IOMMU_SVA=y"),
        (None, Some(symbols)) if !symbols.is_empty() => symbols.lines().any(is_function),
        (None, _) => {
            let says = "neither /boot/config nor /proc/kallsyms tells";
            return check(what, Verdict::Unknown, says);
        }
    };
    if is_built {
        check(what, Verdict::Good, "yes")
    } else {
        check(what, Verdict::Bad, "the kernel was built without")
    }
}

/// What the module says of a device.
fn module(known: Result<Vec<Device>>, name: &str) -> Check {
    let what = "ioasid";
    let known = match known {
        Ok(known) => known,
        Err(err) => {
            let err = err.to_string();
            let line = err.lines().next().unwrap_or_default();
            return check(what, Verdict::Unknown, line);
        }
    };
    let Some(device) = known.into_iter().find(|one| one.device == name) else {
        let says = "no driver has enabled sharing on the device";
        return check(what, Verdict::Note, says);
    };
    let (first, last, bonds) = (device.first, device.last, device.bonds);
    match (&*device.sva, device.why) {
        (_, Some(why)) => check(
            what,
            Verdict::Bad,
            format!("the last binding failed: {why}"),
        ),
        ("off", None) => check(what, Verdict::Note, "takes part in the numbers only"),
        (by, None) => {
            let max = match device.max {
                0 => String::new(),
                max => format!(" of {max}"),
            };
            let says = format!("enabled ({by}), PASIDs {first} to {last}, {bonds}{max} bound");
            check(what, Verdict::Good, says)
        }
    }
}

fn all_checks(cli: &Cli, name: &str) -> Result<Vec<Check>> {
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        bail!("{name:?} is no name of a device");
    }
    let bus = fs::read_dir(cli.sysfs.join("bus"))?
        .flatten()
        .find(|bus| bus.path().join("devices").join(name).exists());
    let Some(bus) = bus else {
        return Ok(vec![check(
            "device",
            Verdict::Bad,
            format!("there is no {name}"),
        )]);
    };
    let device = bus.path().join("devices").join(name);
    let driver = link_name(&device.join("driver"));
    let mut checks = vec![match driver {
        Some(driver) => check("driver", Verdict::Good, driver),
        None => check("driver", Verdict::Bad, "none has the device"),
    }];
    if bus.file_name() == "pci" {
        checks.extend(pci(fs::read(device.join("config")).ok().as_deref()));
    }
    checks.push(group(&device));
    checks.extend(iommu(&device));
    checks.push(options(read(&cli.procfs.join("cmdline")).as_deref()));
    let release = read(&cli.procfs.join("sys/kernel/osrelease")).unwrap_or_default();
    let boot = cli.sysfs.join("../boot").join(format!("config-{release}"));
    let config = read(&boot);
    let symbols = match config {
        Some(_) => None,
        None => read(&cli.procfs.join("kallsyms")),
    };
    checks.push(built(config.as_deref(), symbols.as_deref()));
    checks.push(module(sources::devices(cli), name));
    Ok(checks)
}

fn told(name: &str, checks: &[Check]) -> String {
    let mut text = String::new();
    for one in checks {
        let (mark, style) = match one.verdict {
            Verdict::Good => ("yes", AnsiColor::Green.on_default()),
            Verdict::Bad => ("NO", AnsiColor::Red.on_default().bold()),
            Verdict::Note => ("-", Style::new()),
            Verdict::Unknown => ("?", AnsiColor::Yellow.on_default()),
        };
        let says = printable(&one.says);
        let _ = writeln!(text, "{style}{mark:<4}{style:#}{:<19} {says}", one.what);
    }
    let count = |verdict| checks.iter().filter(|one| one.verdict == verdict).count();
    let sum = match (count(Verdict::Bad), count(Verdict::Unknown)) {
        (0, 0) => "nothing is in the way".into(),
        (0, unknown) => format!("nothing is in the way of what can be seen; {unknown} cannot"),
        (1, _) => "one thing is in the way".into(),
        (bad, _) => format!("{bad} things are in the way"),
    };
    let _ = writeln!(text, "{}: {sum}", printable(name));
    text
}

pub fn why(cli: &Cli, name: &str) -> Result<ExitCode> {
    let checks = all_checks(cli, name)?;
    let is_bad = checks.iter().any(|one| one.verdict == Verdict::Bad);
    let text = if cli.json {
        serde_json::to_string_pretty(&checks)? + "\n"
    } else {
        told(name, &checks)
    };
    anstream::stdout().lock().write_all(text.as_bytes())?;
    Ok(ExitCode::from(u8::from(is_bad)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A configuration space with capabilities one behind the other.
    fn config(list: &[(u16, [u8; 4])]) -> Vec<u8> {
        let mut bytes = vec![0; 4096];
        for (number, (id, rest)) in list.iter().enumerate() {
            let at = 0x100 + number * 16;
            let next = if number + 1 < list.len() { at + 16 } else { 0 };
            bytes[at..at + 2].copy_from_slice(&id.to_le_bytes());
            bytes[at + 2..at + 4].copy_from_slice(&(((next as u16) << 4) | 1).to_le_bytes());
            bytes[at + 4..at + 8].copy_from_slice(rest);
        }
        bytes
    }

    fn verdicts(checks: &[Check]) -> Vec<Verdict> {
        checks.iter().map(|one| one.verdict).collect()
    }

    #[test]
    fn capabilities_are_found() {
        let list = [
            (ATS, [0, 0, 0, 0x80]),
            (PRI, [1, 0, 0, 0]),
            (PASID, [0, 20, 1, 0]),
        ];
        let checks = pci(Some(&config(&list)));
        assert_eq!(verdicts(&checks), [Verdict::Good; 3]);
        assert_eq!(checks[0].says, "20 bits, switched on");
        let off = [(PASID, [0, 16, 0, 0])];
        assert_eq!(verdicts(&pci(Some(&config(&off)))), [Verdict::Note; 3]);
        assert_eq!(
            verdicts(&pci(Some(&config(&[(ATS, [0; 4])])))),
            [Verdict::Bad]
        );
    }

    #[test]
    fn what_cannot_be_read_is_not_guessed() {
        assert_eq!(verdicts(&pci(None)), [Verdict::Unknown]);
        assert_eq!(verdicts(&pci(Some(&[0; 64]))), [Verdict::Unknown]);
        assert_eq!(verdicts(&pci(Some(&[0; 256]))), [Verdict::Bad]);
        assert_eq!(options(None).verdict, Verdict::Unknown);
        assert_eq!(built(None, None).verdict, Verdict::Unknown);
        assert_eq!(built(None, Some("")).verdict, Verdict::Unknown);
        let failed = Err(anyhow::anyhow!("not for you\nmore"));
        assert_eq!(module(failed, "dma0").says, "not for you");
    }

    #[test]
    fn a_list_that_is_a_circle_has_an_end() {
        let mut bytes = config(&[(ATS, [0; 4])]);
        bytes[0x103] = 0x10;
        assert_eq!(capability(&bytes, PASID), None);
        assert_eq!(capability(&[0xff; 4096], PASID), None);
        assert_eq!(capability(&[0xff; 257], PASID), None);
    }

    #[test]
    fn options_are_judged() {
        assert_eq!(options(Some("quiet")).verdict, Verdict::Note);
        let on = options(Some("quiet intel_iommu=on,sm_on"));
        assert_eq!(
            (on.verdict, &*on.says),
            (Verdict::Note, "intel_iommu=on,sm_on")
        );
        for off in [
            "iommu=off",
            "intel_iommu=on,sm_off",
            "amd_iommu=off",
            "pci=noats",
        ] {
            assert_eq!(options(Some(off)).verdict, Verdict::Bad, "{off}");
        }
    }

    #[test]
    fn kernel_is_judged_by_what_there_is() {
        let verdict = |config, symbols| built(config, symbols).verdict;
        let symbols = "0000000000000000 T iommu_sva_bind_device\n0000000000000000 t x [y]";
        assert_eq!(verdict(Some("CONFIG_IOMMU_SVA=y"), None), Verdict::Good);
        assert_eq!(
            verdict(Some("# CONFIG_IOMMU_SVA is not set"), None),
            Verdict::Bad
        );
        assert_eq!(verdict(None, Some(symbols)), Verdict::Good);
        let without = symbols.replace("bind_device", "bind_device_x");
        assert_eq!(verdict(None, Some(&without)), Verdict::Bad);
    }

    #[test]
    fn module_is_quoted() {
        let devices = || crate::read::devices(include_str!("../tests/data/devices"));
        assert_eq!(module(devices(), "0000:01:00.0").verdict, Verdict::Good);
        let bad = module(devices(), "0000:02:00.0");
        assert_eq!(bad.verdict, Verdict::Bad);
        assert!(bad.says.ends_with("the device has no PASID capability"));
        assert_eq!(module(devices(), "0000:03:00.0").verdict, Verdict::Note);
    }
}
