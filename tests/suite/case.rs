//! A test of the suite, and how it is run.

use std::cell::RefCell;
use std::panic::{self, PanicHookInfo};
use std::sync::{Once, RwLock};
use std::thread;

use behaviour::{host, runtime, watch};
use libtest_mimic::{Failed, Trial};

use crate::differences;

/// A test: its name and what it does.
#[derive(Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    pub test: fn(),
    pub alone: bool,
}

/// Lists the tests of a chapter, and those that run alone; one that is not listed is dead code to the
/// compiler.
macro_rules! cases {
    ($($test:ident),* $(,)? $(; alone: $($alone:ident),* $(,)?)?) => {
        &[
            $($crate::case::Case { name: stringify!($test), test: $test, alone: false },)*
            $($($crate::case::Case { name: stringify!($alone), test: $alone, alone: true },)*)?
        ]
    };
}
pub(crate) use cases;

/// Makes the chapter's tests known to the harness.
pub fn trials(chapter: &str, cases: &[Case]) -> Vec<Trial> {
    let trial = |case: &Case| {
        let case = *case;
        let name = format!("{chapter}::{}", case.name);
        let applies = applies(&name);
        Trial::test(name.clone(), move || judge(&name, attempt(case))).with_ignored_flag(!applies)
    };
    cases.iter().map(trial).collect()
}

/// Chapters and tests with a version of cgroups in their name are for machines with that one; the
/// chapter on systemd is for machines that it runs on.
fn applies(name: &str) -> bool {
    let of = |version| {
        ["cgroup_", "cgroups_"].iter().any(|word| name.contains(&format!("{word}{version}")))
    };
    let v1 = host::has_cgroup_v1();
    (v1 || !of("v1"))
        && (!v1 || !of("v2"))
        && (host::has_systemd() || !name.starts_with("systemd::"))
}

/// A test passes, or fails as it is known to for this runtime.
fn judge(name: &str, result: Result<(), String>) -> Result<(), Failed> {
    let version = &runtime().version;
    match (result, differences::known(name, runtime())) {
        (Ok(()), Some(known)) if !known.sometimes => {
            Err(format!("passes, but is listed as a difference of {version}: {}", known.reason)
                .into())
        }
        (Err(message), None) => Err(message.into()),
        _ => Ok(()),
    }
}

/// Tests that count what the whole machine has open, or change it, run while no other does.
static ALONE: RwLock<()> = RwLock::new(());

fn attempt(case: Case) -> Result<(), String> {
    let _quiet = case.alone.then(|| ALONE.write());
    let _crowd = (!case.alone).then(|| ALONE.read());
    static HOOK: Once = Once::new();
    HOOK.call_once(|| panic::set_hook(Box::new(remember)));
    // A thread of its own, as the mount namespace that the test gets belongs to the thread.
    let test = move || panic::catch_unwind(|| watch(case.test)).map_err(|_| PANIC.take());
    thread::spawn(test).join().unwrap_or_else(|_| Err("the test's thread died".to_owned()))
}

thread_local! {
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps the message for the harness, which shows it only when the failure is not a known one.
fn remember(info: &PanicHookInfo<'_>) {
    let message = match info.payload().downcast_ref::<&str>() {
        Some(text) => text,
        None => info.payload().downcast_ref::<String>().map_or("panic", String::as_str),
    };
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    PANIC.with_borrow_mut(|all| {
        if !all.is_empty() {
            all.push_str("\nand then ");
        }
        all.push_str(&format!("{place}: {message}"));
    });
}
