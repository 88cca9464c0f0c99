//! The kinds of namespaces that Linux has, with their names in every place where they are named.

/// One kind of namespace (`namespaces(7)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Namespace {
    /// cgroup root directory, `cgroup_namespaces(7)`.
    Cgroup,
    /// System V IPC and POSIX message queues, `ipc_namespaces(7)`.
    Ipc,
    /// Mount points, `mount_namespaces(7)`.
    Mount,
    /// Network devices, stacks, ports, `network_namespaces(7)`.
    Network,
    /// Process ids, `pid_namespaces(7)`.
    Pid,
    /// Boot and monotonic clocks, `time_namespaces(7)`.
    Time,
    /// User and group ids, `user_namespaces(7)`.
    User,
    /// Hostname and NIS domain name, `uts_namespaces(7)`.
    Uts,
}

impl Namespace {
    /// Every kind, in the order of the runtime specification's list of names.
    pub const ALL: [Namespace; 8] = [
        Namespace::Cgroup,
        Namespace::Ipc,
        Namespace::Mount,
        Namespace::Network,
        Namespace::Pid,
        Namespace::Time,
        Namespace::User,
        Namespace::Uts,
    ];

    /// The `CLONE_NEW*` flag (`linux/sched.h`).
    pub const fn flag(self) -> u64 {
        match self {
            Namespace::Cgroup => 0x0200_0000,
            Namespace::Ipc => 0x0800_0000,
            Namespace::Mount => 0x0002_0000,
            Namespace::Network => 0x4000_0000,
            Namespace::Pid => 0x2000_0000,
            Namespace::Time => 0x0000_0080,
            Namespace::User => 0x1000_0000,
            Namespace::Uts => 0x0400_0000,
        }
    }

    /// The name in `linux.namespaces[].type` of the runtime specification.
    pub const fn name(self) -> &'static str {
        match self {
            Namespace::Cgroup => "cgroup",
            Namespace::Ipc => "ipc",
            Namespace::Mount => "mount",
            Namespace::Network => "network",
            Namespace::Pid => "pid",
            Namespace::Time => "time",
            Namespace::User => "user",
            Namespace::Uts => "uts",
        }
    }

    /// The name of the file below `/proc/PID/ns`.
    pub const fn proc_name(self) -> &'static str {
        match self {
            Namespace::Mount => "mnt",
            Namespace::Network => "net",
            other => other.name(),
        }
    }

    /// The kind whose specification name this is.
    pub fn from_name(name: &str) -> Option<Namespace> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A set of kinds, kept as their `CLONE_NEW*` flags.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct NamespaceSet(u64);

impl std::fmt::Debug for NamespaceSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl NamespaceSet {
    /// The set with nothing in it.
    pub const EMPTY: NamespaceSet = NamespaceSet(0);

    /// This set and `kind`.
    #[must_use]
    pub const fn with(self, kind: Namespace) -> NamespaceSet {
        NamespaceSet(self.0 | kind.flag())
    }

    /// This set without `kind`.
    #[must_use]
    pub const fn without(self, kind: Namespace) -> NamespaceSet {
        NamespaceSet(self.0 & !kind.flag())
    }

    /// Whether `kind` is in the set.
    pub const fn contains(self, kind: Namespace) -> bool {
        self.0 & kind.flag() != 0
    }

    /// Whether nothing is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The flags for `clone3(2)`, `unshare(2)` and `setns(2)`.
    pub const fn flags(self) -> u64 {
        self.0
    }

    /// The kinds in the set, in the order of [`Namespace::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Namespace> {
        Namespace::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }
}

impl FromIterator<Namespace> for NamespaceSet {
    fn from_iter<I: IntoIterator<Item = Namespace>>(kinds: I) -> NamespaceSet {
        kinds.into_iter().fold(NamespaceSet::EMPTY, NamespaceSet::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_flags_are_a_bijection() {
        let all: NamespaceSet = Namespace::ALL.into_iter().collect();
        assert_eq!(all.iter().count(), 8);
        for kind in Namespace::ALL {
            assert_eq!(Namespace::from_name(kind.name()), Some(kind));
            assert!(!all.without(kind).contains(kind));
        }
        assert_eq!(Namespace::from_name("net"), None);
    }
}
