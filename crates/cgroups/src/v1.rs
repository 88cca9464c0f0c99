//! Controllers as version 1 has them (Documentation/admin-guide/cgroup-v1).

pub(crate) mod blkio;
pub(crate) mod cpu;
pub(crate) mod memory;
pub(crate) mod network;
