//! New limits for a container that runs.

use std::os::fd::AsFd;

use crate::error::{Cause, Error};
use crate::record::Record;
use crate::resources::{Purpose, steps};
use crate::spec::Resources;
use crate::step::{Place, run};
use crate::subtree;

impl Record {
    /// Writes the limits that are present; the others stay, and so do device rules unless some
    /// are listed.
    ///
    /// On version 2 a limit of memory with swap needs the limit of memory beside it.
    ///
    /// # Errors
    /// When a value cannot be put into practice (nothing is written then), or the kernel refuses
    /// one (those before it are in force).
    pub fn update(&self, resources: &Resources<'_>) -> Result<(), Error> {
        let planned = steps(self, resources, Purpose::Update);
        let (steps, v2_controllers) =
            planned.map_err(|error| Error::new("plan", "resources", Cause::Config(error)))?;
        let root = self.open_root()?;
        if let Some(directory) = self.unified() {
            subtree::enable(root.as_fd(), self, directory, &v2_controllers, false)?;
        }
        let place =
            Place { record: self, root: root.as_fd(), fresh: &[], present: &[], rootless: false };
        run(&place, &steps)
    }
}
