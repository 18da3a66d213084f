// SPDX-License-Identifier: GPL-2.0

use super::{
    alloc,
    new_pool,
    sva::Scene,
    Script,
    ANY, //
};
use crate::{
    audience::{
        Event,
        Listener,
        Scope,
        Subject, //
    },
    debugfs::{
        for_tests::{
            Allocators,
            Bonds,
            Devices,
            Ids,
            Quarantine,
            Sets,
            Stats,
            Subscribers, //
        },
        Plain,
    },
    id::INVALID,
    kapi::{
        age::Age,
        listing::Table,
        symbol::Symbol,
        task::{
            current_pid,
            Who, //
        },
    },
    names::Name,
    pool::Pool,
    space::Policy,
    sva::Naming, //
};
use core::str;
use kernel::{
    fmt::{
        self,
        Write, //
    },
    macros::kunit_tests,
    prelude::*,
    sync::atomic::Relaxed,
    time::{
        delay::fsleep,
        Delta, //
    },
};

/// Text that grows.
struct Text(KVec<u8>);

impl Text {
    fn as_str(&self) -> Result<&str> {
        Ok(str::from_utf8(&self.0)?)
    }

    /// A column of the line that begins with a word.
    fn column(&self, word: &str, heading: &str, name: &str) -> Result<&str> {
        let at = heading.split_whitespace().position(|one| one == name);
        self.as_str()?
            .lines()
            .find(|line| line.split_whitespace().next() == Some(word))
            .and_then(|line| line.split_whitespace().nth(at?))
            .ok_or(ENOENT)
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0
            .extend_from_slice(text.as_bytes(), GFP_KERNEL)
            .map_err(|_| fmt::Error)
    }
}

/// All lines of a table, each of which has as many columns as the heading.
fn read<L: Table<Pool>>(pool: &Pool) -> Result<Text> {
    let columns = L::HEADING.split_whitespace().count();
    let (mut text, mut from) = (Text(KVec::new()), Some(0));
    while let Some(at) = from.and_then(|from| L::find(pool, from)) {
        L::line(pool, at, &mut text).map_err(|_| EIO)?;
        from = at.checked_add(1);
    }
    for line in text.as_str()?.lines() {
        assert_eq!(line.split_whitespace().count(), columns);
    }
    Ok(text)
}

fn write(args: fmt::Arguments<'_>) -> Result<Text> {
    let mut text = Text(KVec::new());
    text.write_fmt(args).map_err(|_| EIO)?;
    Ok(text)
}

/// One that is told and says nothing.
struct Mute;

impl Listener for Mute {
    fn tell(&self, _: Event, _: &Subject) -> Result {
        Ok(())
    }
}

#[kunit_tests(ioasid_debugfs)]
mod tests {
    use super::*;

    #[test]
    fn nobody_shapes_a_line_by_his_name() -> Result {
        for (name, shown) in [
            (&b"kvm"[..], "kvm"),
            (b"", "-"),
            (b"-", "\\055"),
            (b"my vm\n1 idle", "my\\040vm\\0121\\040idle"),
            (b"a,b\\c", "a\\054b\\134c"),
            (b"\x1b[2J\xff\x7f", "\\033[2J\\377\\177"),
        ] {
            let name = Plain(name);
            assert_eq!(write(fmt!("{name}"))?.as_str()?, shown);
            let mut padded = Text(KVec::new());
            name.pad(&mut padded, 12).map_err(|_| EIO)?;
            assert_eq!(padded.0.len(), shown.len().max(12) + 2);
        }
        Ok(())
    }

    #[test]
    fn id_is_shown_with_its_process_and_holders() -> Result {
        let pool = new_pool()?;
        let id = alloc(&pool, 7, 9)?;
        pool.get_named(ANY, id, Name::new(c"queue 1"))?;
        pool.get(ANY, id)?;
        let text = read::<Ids>(&pool)?;
        let column = |name| text.column("7", Ids::HEADING, name);
        assert_eq!(column("state")?, "idle");
        assert_eq!(column("refs")?, "2");
        assert_eq!(column("set")?, "0");
        assert_eq!(column("spid")?, "-");
        assert_eq!(column("allocator")?, "default");
        assert_eq!(column("bound")?, "-");
        assert_eq!(column("holders")?, "queue\\0401:1");
        assert_eq!(
            column("pid")?.parse::<u32>().map_err(|_| EIO)?,
            current_pid()
        );
        let comm = write(fmt!("{}", Plain(Who::current().comm.as_bytes())))?;
        assert_eq!(column("comm")?, comm.as_str()?);
        assert!(column("age")?.parse::<u32>().map_err(|_| EIO)? <= 2);
        assert!(!pool.put(ANY, id)?);
        assert!(!pool.put_named(ANY, id, Name::new(c"queue 1"))?);
        assert!(pool.free(ANY, id)?);
        Ok(())
    }

    #[test]
    fn ids_of_a_set_are_its_makers() -> Result {
        let pool = new_pool()?;
        let set = pool.alloc_null_set(4)?;
        let id = pool.alloc(
            set,
            crate::id::IdRange::new(3, 3)?,
            None,
            core::ptr::null_mut(),
        )?;
        let text = read::<Sets>(&pool)?;
        assert_eq!(text.as_str()?.lines().count(), 2);
        assert_eq!(text.column("0", Sets::HEADING, "pid")?, "-");
        assert_eq!(text.column("0", Sets::HEADING, "age")?, "-");
        assert_eq!(text.column("1", Sets::HEADING, "type")?, "null");
        let pid = text.column("1", Sets::HEADING, "pid")?;
        assert_eq!(pid.parse::<u32>().map_err(|_| EIO)?, current_pid());
        assert_eq!(read::<Ids>(&pool)?.column("3", Ids::HEADING, "pid")?, pid);
        assert!(pool.who_has(id) == Who::current());
        assert!(pool.free(ANY, id)?);
        assert!(pool.free_set(set)?);
        pool.flush();
        assert_eq!(read::<Sets>(&pool)?.as_str()?.lines().count(), 1);
        Ok(())
    }

    #[test]
    fn kinds_of_sets_and_what_binds_are_shown() -> Result {
        let pool = new_pool()?;
        let range = crate::id::IdRange::new(3, 3)?;
        let id = pool.alloc_static(0x1000, range, Policy::Lowest, core::ptr::null_mut())?;
        assert_eq!(
            read::<Sets>(&pool)?.column("1", Sets::HEADING, "type")?,
            "static"
        );
        let bound = || -> Result<bool> {
            let text = read::<Ids>(&pool)?;
            Ok(text.column("3", Ids::HEADING, "bound")? == "spid+sva")
        };
        pool.attach_spid(id, 7)?;
        assert!(!bound()?);
        pool.count_device(id)?;
        assert!(bound()?);
        pool.uncount_device(id);
        pool.detach_spid(id)?;
        assert!(pool.free(ANY, id)?);
        Ok(())
    }

    #[test]
    fn device_is_shown_with_what_failed_last() -> Result {
        let scene = Scene::with(77, Naming::Adopted)?;
        let devices = || -> Result<Text> {
            let mut text = Text(KVec::new());
            Devices::line(&scene.pool, 0, &mut text).map_err(|_| EIO)?;
            Ok(text)
        };
        let bond = scene.bind()?;
        assert_eq!(
            read::<Bonds>(&scene.pool)?.column("77", Bonds::HEADING, "state")?,
            "bound"
        );
        assert!(devices()?.as_str()?.ends_with(" -\n"));
        scene.pool.unbind(bond)?;
        scene.rename(78);
        assert!(scene.bind() == Err(EBUSY));
        assert!(!devices()?.as_str()?.ends_with(" -\n"));
        assert!(read::<Bonds>(&scene.pool)?.0.is_empty());
        Ok(())
    }

    #[test]
    fn what_is_not_there_is_not_shown() -> Result {
        let pool = new_pool()?;
        for at in [0, 1, crate::id::LIMIT, INVALID] {
            let mut text = Text(KVec::new());
            assert!(Ids::line(&pool, at, &mut text).is_ok());
            assert!(Quarantine::line(&pool, at, &mut text).is_ok());
            assert!(at == 0 || Sets::line(&pool, at, &mut text).is_ok());
            assert!(text.0.is_empty());
            assert!(Ids::find(&pool, at).is_none());
            assert!(Quarantine::find(&pool, at).is_none());
            assert!(at == 0 || Sets::find(&pool, at).is_none());
        }
        assert!(pool.who_has(INVALID) == Who::NOBODY);
        Ok(())
    }

    #[test]
    fn quarantine_has_what_waits_and_why() -> Result {
        let pool = new_pool()?;
        let (held, idle) = (alloc(&pool, 1, 9)?, alloc(&pool, 300, 300)?);
        assert!(read::<Quarantine>(&pool)?.0.is_empty());
        pool.get_named(ANY, held, Name::new(c"kvm"))?;
        assert!(!pool.free(ANY, held)?);
        pool.space.set_quarantine(60_000);
        assert!(pool.free(ANY, idle)?);
        let text = read::<Quarantine>(&pool)?;
        let column = |id, name| text.column(id, Quarantine::HEADING, name);
        assert_eq!(text.as_str()?.lines().count(), 2);
        assert_eq!(column("1", "state")?, "pending");
        assert_eq!(column("1", "refs")?, "1");
        assert_eq!(column("1", "left_ms")?, "-");
        assert_eq!(column("1", "holders")?, "kvm:1");
        assert_eq!(column("300", "state")?, "resting");
        let left = column("300", "left_ms")?.parse::<u32>().map_err(|_| EIO)?;
        assert!((1..=60_010).contains(&left));
        assert!(pool.put_named(ANY, held, Name::new(c"kvm"))?);
        pool.shut_down();
        Ok(())
    }

    /// Each is told of once, and only while it waits.
    #[test]
    fn stuck_id_is_told_of_once() -> Result {
        let pool = new_pool()?;
        pool.stuck_secs.store(1, Relaxed);
        let id = alloc(&pool, 1, 9)?;
        let live = alloc(&pool, 1, 9)?;
        pool.get(ANY, live)?;
        pool.get_named(ANY, id, Name::new(c"kvm"))?;
        pool.get(ANY, id)?;
        pool.look_for_stuck();
        assert_eq!(pool.stuck.load(Relaxed), 0);
        assert!(!pool.free(ANY, id)?);
        // The process is told of as long as it lives.
        assert!(pool.who_has(id) == Who::current());
        pool.look_for_stuck();
        assert_eq!(pool.stuck.load(Relaxed), 0);
        for _ in 0..500 {
            if pool.stuck.load(Relaxed) != 0 {
                break;
            }
            fsleep(Delta::from_millis(10));
        }
        assert_eq!(pool.stuck.load(Relaxed), 1);
        pool.look_for_stuck();
        assert_eq!(pool.stuck.load(Relaxed), 1);
        assert!(!pool.put(ANY, id)?);
        assert!(pool.put_named(ANY, id, Name::new(c"kvm"))?);
        assert!(!pool.put(ANY, live)?);
        assert!(pool.free(ANY, live)?);
        Ok(())
    }

    #[test]
    fn never_is_never() -> Result {
        let pool = new_pool()?;
        pool.stuck_secs.store(0, Relaxed);
        let id = alloc(&pool, 1, 9)?;
        pool.get(ANY, id)?;
        assert!(!pool.free(ANY, id)?);
        fsleep(Delta::from_millis(1500));
        pool.look_for_stuck();
        assert_eq!(pool.stuck.load(Relaxed), 0);
        assert!(pool.put(ANY, id)?);
        Ok(())
    }

    /// An age counts from the turn once that is taken, which it is once.
    #[test]
    fn age_turns_once() {
        let age = Age::new();
        assert!(!age.is_news());
        assert!(age.secs() <= 1);
        assert!(age.turn());
        assert!(age.is_news());
        assert!(!age.turn());
        age.note();
        assert!(!age.is_news());
        assert!(!age.turn());
        assert!(age.secs() <= 1);
    }

    /// One that is younger than what it is said to have got is another one.
    #[test]
    fn process_with_a_used_number_is_another() {
        assert!(Who::of_pid(current_pid(), 0) == Some(Who::current()));
        assert!(Who::of_pid(current_pid(), u32::MAX).is_none());
        assert!(Who::of_pid(0, 0).is_none());
        assert!(Who::of_pid(u32::MAX, 0).is_none());
    }

    #[test]
    fn subscribers_are_in_the_order_of_calls() -> Result {
        let pool = new_pool()?;
        let set = pool.alloc_null_set(0)?;
        assert!(read::<Subscribers>(&pool)?.0.is_empty());
        let scopes = [Scope::All, Scope::Set(set.0), Scope::All];
        for (key, (scope, priority)) in scopes.into_iter().zip([5, 9, 9]).enumerate() {
            pool.subscribe(scope, priority, key, KBox::new(Mute, GFP_KERNEL)?, false)?;
        }
        let text = read::<Subscribers>(&pool)?;
        let mut lines = text.as_str()?.lines();
        for wanted in [["9", "set", "1"], ["9", "all", "-"], ["5", "all", "-"]] {
            let line = lines.next().ok_or(ENOENT)?;
            assert!(line.split_whitespace().take(3).eq(wanted));
        }
        for (key, scope) in scopes.into_iter().enumerate() {
            assert!(pool.unsubscribe(scope, key));
        }
        assert!(read::<Subscribers>(&pool)?.0.is_empty());
        assert!(pool.free_set(set)?);
        pool.flush();
        Ok(())
    }

    #[test]
    fn allocators_are_in_the_order_of_succession() -> Result {
        let pool = new_pool()?;
        assert_eq!(read::<Allocators>(&pool)?.as_str()?.lines().count(), 1);
        let (one, two) = (Script::new(1)?, Script::new(1)?);
        one.register(&pool, 1)?;
        two.register(&pool, 2)?;
        let text = read::<Allocators>(&pool)?;
        let state = |name| text.column(name, Allocators::HEADING, "state");
        assert_eq!(state("custom1")?, "active");
        assert_eq!(state("custom2")?, "waiting");
        assert_eq!(state("default")?, "waiting");
        pool.unregister(one.key())?;
        pool.unregister(two.key())?;
        Ok(())
    }

    #[test]
    fn figures_are_there() -> Result {
        let pool = new_pool()?;
        let id = alloc(&pool, 1, 9)?;
        let text = read::<Stats>(&pool)?;
        let figure = |name| text.column(name, Stats::HEADING, "value");
        assert_eq!(figure("live")?, "1");
        assert_eq!(figure("entered")?, "1");
        assert_eq!(figure("stuck_secs")?, "60");
        assert!(pool.free(ANY, id)?);
        assert_eq!(
            read::<Stats>(&pool)?.column("live", Stats::HEADING, "value")?,
            "0"
        );
        Ok(())
    }

    /// Neither an address nor a piece of memory is ever shown.
    #[test]
    fn symbols_are_names() {
        assert!(Symbol::at(0).function().is_empty());
        assert!(Symbol::at(0).module().is_empty());
        assert!(Symbol::at(1).function().is_empty());
        assert!(Symbol::at(usize::MAX / 2).function().is_empty());
        assert!(!Symbol::at(new_pool as usize).function().is_empty());
        let name: &[u8] = if cfg!(MODULE) { b"ioasid" } else { b"" };
        assert!(Symbol::at(new_pool as usize).module() == name);
    }
}
