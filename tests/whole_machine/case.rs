//! A test of the target, and how it is run: a machine with its engine, the body, nothing left behind.

use crate::known::DIFFERENCES;
use crate::machine::{Engine, Machine, obstacle};
use behaviour::known::difference;
use behaviour::runtime;
use libtest_mimic::{Failed, Trial};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::RwLock;

type Test = fn(&mut Machine);

/// The tests of one file.
#[derive(Clone, Copy)]
pub struct Chapter {
    pub name: &'static str,
    pub engine: Engine,
    /// Whether no other test may run meanwhile, as when the engine itself is restarted.
    pub alone: bool,
    pub cases: &'static [(&'static str, Test)],
}

/// A file's tests, of one engine; one that is not listed is dead code to the compiler.
macro_rules! chapter {
    ($name:literal, $engine:ident, $alone:literal, [$($test:ident),* $(,)?]) => {
        pub const CHAPTER: $crate::case::Chapter = $crate::case::Chapter {
            name: $name,
            engine: $crate::machine::Engine::$engine,
            alone: $alone,
            cases: &[$((stringify!($test), $test)),*],
        };
    };
}
pub(crate) use chapter;

static ALONE: RwLock<()> = RwLock::new(());

/// Makes the chapter's tests known to the harness.
pub fn trials(chapter: Chapter) -> Vec<Trial> {
    let trial = |&(name, test): &(&str, Test)| {
        let name = format!("{}::{name}", chapter.name);
        let ignored = obstacle().is_some();
        Trial::test(name.clone(), move || run(chapter, &name, test)).with_ignored_flag(ignored)
    };
    chapter.cases.iter().map(trial).collect()
}

fn run(chapter: Chapter, name: &str, test: Test) -> Result<(), Failed> {
    if let Some(reason) = obstacle() {
        return Err(reason.into());
    }
    let _quiet = chapter.alone.then(|| ALONE.write());
    let _crowd = (!chapter.alone).then(|| ALONE.read());
    let mut machine = Machine::with(chapter.engine, name);
    let result = catch_unwind(AssertUnwindSafe(|| test(&mut machine)));
    let rest = machine.sh(chapter.engine.rest());
    let result = result.and_then(|()| {
        catch_unwind(AssertUnwindSafe(|| {
            rest.prints("");
        }))
    });
    let runtime = runtime().path();
    let runtime = runtime.file_name().unwrap_or_default().to_string_lossy();
    match (result, difference(&DIFFERENCES, &runtime, name)) {
        (Ok(()), None) | (Err(_), Some(_)) => Ok(()),
        (Ok(()), Some(reason)) => {
            Err(format!("passes, but is listed as a difference: {reason}").into())
        }
        (Err(panic), None) => resume_unwind(panic),
    }
}
