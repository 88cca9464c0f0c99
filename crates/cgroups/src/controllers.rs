//! Controllers whose files are the same in both versions, or nearly so.

pub(crate) mod cpuset;
pub(crate) mod hugetlb;
pub(crate) mod pids;
pub(crate) mod rdma;
