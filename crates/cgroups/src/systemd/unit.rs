//! Transient units: starting, changing and stopping them.

use std::os::fd::AsFd;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::UnitPlan;
use super::bus::{Bus, Failure};
use super::value::{Property, Value};
use crate::error::{At, Cause, Error};
use crate::{file, sys};

/// What is there when systemd is the system's manager (sd_booted(3)).
const RUNNING: &str = "/run/systemd/system";
/// How long the placeholder may take for its three questions, each of which has a limit of its own.
const PATIENCE: Duration = Duration::from_secs(100);
const EXISTS: &str = "org.freedesktop.systemd1.UnitExists";
const UNKNOWN: &str = "org.freedesktop.systemd1.NoSuchUnit";

/// A unit of systemd that a container's cgroup belongs to.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Unit {
    /// Its name, such as `orun-1.scope`.
    pub name: String,
    /// Whether it is one of the user's own manager.
    pub user: bool,
}

/// A unit that was started; dropped without [`Started::keep`], it is stopped.
#[derive(Debug)]
pub(crate) struct Started {
    unit: Option<Unit>,
    placeholder: Option<sys::Placeholder>,
    /// Limits that the placeholder would have stood in the way of.
    late: Vec<Property>,
}

/// Has systemd start the unit.
///
/// A scope starts with a process, and is gone with its last one: a placeholder holds it until the
/// container's own is born in it. Only so can that one be born there, with its limits in force.
///
/// # Errors
/// When systemd cannot be reached, refuses, or takes longer than 30 seconds.
pub(crate) fn start(plan: &UnitPlan) -> Result<Started, Error> {
    let name = plan.unit.name.as_str();
    if !plan.unit.is_scope() {
        // A slice is shared: it stays, whoever started it.
        let properties = plan.properties.iter().collect();
        return match ask_to_start(&plan.unit, properties) {
            Err(Refused { exists: false, error, .. }) => Err(error),
            _ => Ok(Started { unit: None, placeholder: None, late: Vec::new() }),
        };
    }
    let (late, early): (Vec<&Property>, Vec<&Property>) =
        plan.properties.iter().partition(|property| leaves_no_room(property));
    // 0 is whoever asks: the placeholder itself, whatever its number is where systemd lives.
    let own = Property::new("PIDs", Value::Array("u".to_owned(), vec![Value::U32(0)]));
    let ask = || {
        let properties = early.iter().copied().chain([&own]).collect();
        match ask_to_start(&plan.unit, properties) {
            Ok(()) => DONE.to_vec(),
            Err(refused) => refused.to_bytes(),
        }
    };
    let (placeholder, answer) = sys::Placeholder::new(ask).at("make a process for unit", name)?;
    let mut started = Started {
        unit: Some(plan.unit.clone()),
        placeholder: Some(placeholder),
        late: late.into_iter().cloned().collect(),
    };
    let answer = file::read_to_end(answer.as_fd(), PATIENCE).at("start unit", name)?;
    if answer == DONE {
        return Ok(started);
    }
    let refused = Refused::from_bytes(&answer, name);
    if !refused.started {
        started.unit = None;
    }
    Err(refused.error)
}

/// The placeholder's word that the unit is there.
const DONE: &[u8] = b"done";

/// Why a unit is not there as it should be.
struct Refused {
    /// Whether there is one of the name, which somebody else started.
    exists: bool,
    /// Whether it may be there half-way.
    started: bool,
    error: Error,
}

impl Refused {
    /// For the way from the placeholder, which has nobody to print it.
    fn to_bytes(&self) -> Vec<u8> {
        let flags = [u8::from(self.exists), u8::from(self.started)];
        [&flags[..], self.error.cause.to_string().as_bytes()].concat()
    }

    /// A placeholder that was killed says nothing. Its scope is gone with it, and one of that name
    /// may be another's.
    fn from_bytes(bytes: &[u8], name: &str) -> Self {
        let (flags, text) = match bytes.split_first_chunk::<2>() {
            Some((flags, text)) => (*flags, String::from_utf8_lossy(text).into_owned()),
            None => ([0, 0], "its first process was killed (memory limit too low?)".to_owned()),
        };
        let error = Error::new("start unit", name, Cause::Systemd(text));
        Self { exists: flags[0] == 1, started: flags[1] == 1, error }
    }
}

fn ask_to_start(unit: &Unit, properties: Vec<&Property>) -> Result<(), Refused> {
    let name = unit.name.as_str();
    let refused = |started| {
        move |failure: Failure| Refused {
            exists: matches!(&failure, Failure::Refused(refusal) if refusal.name == EXISTS),
            started,
            error: failure.at("start unit", name),
        }
    };
    let unreached = |error| Refused { exists: false, started: false, error };
    let mut bus = unit.connect().map_err(unreached)?;
    bus.listen().map_err(refused(false))?;
    let job = start_transient(&mut bus, name, properties).map_err(refused(false))?;
    let result = bus.wait_for(&job).map_err(refused(true))?;
    if result == "done" {
        return Ok(());
    }
    let cause = Cause::Systemd(format!("the job's result is {result:?}"));
    Err(Refused { exists: false, started: true, error: Error::new("start unit", name, cause) })
}

impl Started {
    /// Lets go of the placeholder; to be called when the container's process is in the unit.
    ///
    /// # Errors
    /// When systemd refuses a limit that had to wait until now.
    pub(crate) fn settle(&mut self) -> Result<(), Error> {
        self.placeholder = None;
        self.unit.as_ref().map_or(Ok(()), |unit| unit.set(&self.late))
    }

    /// Lets the unit live on.
    pub(crate) fn keep(mut self) {
        self.unit = None;
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.placeholder = None;
        if let Some(unit) = &self.unit {
            // A failure here has nobody to tell: there is an earlier one that matters more.
            let _ = unit.stop();
        }
    }
}

impl Unit {
    /// Changes properties, until the next boot.
    pub(crate) fn set(&self, properties: &[Property]) -> Result<(), Error> {
        if properties.is_empty() {
            return Ok(());
        }
        let mut bus = self.connect()?;
        let properties: Vec<&Property> = properties.iter().collect();
        without_unknown(properties, |properties| bus.set_properties(&self.name, properties))
            .map_err(|failure| failure.at("change unit", &self.name))
    }

    /// Stops the unit and forgets that it failed, if it did; one that is gone is no error.
    pub(crate) fn stop(&self) -> Result<(), Error> {
        let mut bus = self.connect()?;
        let mut stop = || {
            bus.listen()?;
            match bus.stop_unit(&self.name) {
                Ok(job) => bus.wait_for(&job).map(drop)?,
                Err(Failure::Refused(refusal)) if refusal.name == UNKNOWN => return Ok(()),
                Err(failure) => return Err(failure),
            }
            match bus.reset_failed(&self.name) {
                Err(Failure::Refused(_)) => Ok(()),
                result => result,
            }
        };
        stop().map_err(|failure: Failure| failure.at("stop unit", &self.name))
    }

    /// Whether systemd knows the unit, when it has done what it was asked for until now.
    pub(crate) fn is_known(&self) -> Result<bool, Error> {
        match self.connect()?.find_unit(&self.name) {
            Ok(()) => Ok(true),
            Err(Failure::Refused(refusal)) if refusal.name == UNKNOWN => Ok(false),
            Err(failure) => Err(failure.at("find unit", &self.name)),
        }
    }

    /// Has systemd move the calling process into the unit's cgroup, or one `below` it.
    pub(crate) fn take_caller(&self, below: &str) -> Result<(), Error> {
        let attached = self.connect()?.attach_caller(&self.name, below);
        attached.map_err(|failure| failure.at("enter unit", &self.name))
    }

    fn connect(&self) -> Result<Bus, Error> {
        if !self.user && !std::path::Path::new(RUNNING).is_dir() {
            let text = "systemd not running on this host, cannot use systemd cgroups manager";
            return Err(Error::new("connect to systemd", RUNNING, Cause::Systemd(text.to_owned())));
        }
        Bus::connect(self.user)
    }
}

/// Whether a limit is one that the placeholder, or that and a helper, beside the container's process would reach.
fn leaves_no_room(property: &Property) -> bool {
    property.name == "TasksMax" && matches!(property.value, Value::U64(1 | 2))
}

/// Starts a unit; one of the same name that has failed is forgotten first.
fn start_transient(
    bus: &mut Bus,
    name: &str,
    properties: Vec<&Property>,
) -> Result<String, Failure> {
    let again = properties.clone();
    match without_unknown(properties, |properties| bus.start_unit(name, properties)) {
        Err(Failure::Refused(refusal)) if refusal.name == EXISTS && name.ends_with(".scope") => {
            // When this fails, so will the next call, and its reason is the better one.
            let _ = bus.reset_failed(name);
            without_unknown(again, |properties| bus.start_unit(name, properties))
        }
        result => result,
    }
}

/// Asks; when systemd is too old for an optional property, asks again without it.
fn without_unknown<T>(
    mut properties: Vec<&Property>,
    mut ask: impl FnMut(&[&Property]) -> Result<T, Failure>,
) -> Result<T, Failure> {
    loop {
        let failure = match ask(&properties) {
            Err(Failure::Refused(refusal)) => refusal,
            result => return result,
        };
        let unknown = properties.iter().position(|property| {
            property.optional
                && failure
                    .text
                    .split(|c: char| !c.is_ascii_alphabetic())
                    .any(|w| w == property.name)
        });
        let Some(unknown) = unknown else { return Err(Failure::Refused(failure)) };
        properties.remove(unknown);
    }
}

#[cfg(test)]
mod tests {
    use super::super::bus::Refusal;
    use super::*;

    #[test]
    fn a_property_that_systemd_does_not_know_is_left_out_if_it_may_be() {
        let needed = Property::new("MemoryMax", Value::U64(1));
        let spare = Property::optional("AllowedCPUs", Value::bytes(&[1]));
        let refuse = |name: &str| {
            let name = name.to_owned();
            move |properties: &[&Property]| match properties.iter().any(|one| one.name == name) {
                false => Ok(properties.len()),
                true => Err(Failure::Refused(Refusal {
                    name: "org.freedesktop.DBus.Error.PropertyReadOnly".to_owned(),
                    text: format!("Cannot set property {name}, or unknown property."),
                })),
            }
        };
        let both = vec![&needed, &spare];
        assert_eq!(without_unknown(both.clone(), refuse("AllowedCPUs")).unwrap(), 1);
        assert_eq!(without_unknown(both.clone(), refuse("Other")).unwrap(), 2);
        assert!(without_unknown(both, refuse("MemoryMax")).is_err());
    }

    #[test]
    fn a_placeholder_that_says_nothing_has_started_nothing() {
        let cause = Cause::Systemd("no".to_owned());
        let told = Refused { exists: true, started: false, error: Error::new("", "", cause) };
        let read = Refused::from_bytes(&told.to_bytes(), "a.scope");
        assert!(read.exists && !read.started && read.error.to_string().ends_with("no"));
        let silent = Refused::from_bytes(b"", "a.scope");
        assert!(!silent.exists && !silent.started);
        assert!(silent.error.to_string().contains("was killed"), "{}", silent.error);
    }

    #[test]
    fn room_for_the_placeholder() {
        let tasks = |max| Property::new("TasksMax", Value::U64(max));
        assert!(leaves_no_room(&tasks(1)) && leaves_no_room(&tasks(2)));
        assert!(!leaves_no_room(&tasks(3)));
    }
}
