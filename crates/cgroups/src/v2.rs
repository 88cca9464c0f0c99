//! Controllers as version 2 has them (Documentation/admin-guide/cgroup-v2.rst).

pub(crate) mod cpu;
pub(crate) mod io;
pub(crate) mod memory;
pub(crate) mod unified;
