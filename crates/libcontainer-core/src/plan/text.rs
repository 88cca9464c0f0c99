//! A plan in words, for `orun plan`: the dry run, and what the planner's tests compare.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::options::{MountOptions, ms};
use super::{CreatePlan, FsOp, ProcessPlan, RootChange};
use crate::capability::CapabilitySet;

/// One line of a plan: the part it belongs to, and what is done.
pub type Line = (&'static str, String);

impl CreatePlan {
    /// Everything that will be done, in order.
    pub fn lines(&self) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        let mut add = |part: &'static str, text: String| lines.push((part, text));
        add("container", format!("id {}", self.id));
        add("container", format!("rootfs {}", self.rootfs));
        for kind in self.namespaces.create.iter() {
            add("namespace", format!("create {}", kind.name()));
        }
        for join in &self.namespaces.join {
            add("namespace", format!("join {} {}", join.kind.name(), join.path.to_string_lossy()));
        }
        let maps = [("uid", &self.namespaces.uid_map), ("gid", &self.namespaces.gid_map)];
        for (name, line) in
            maps.into_iter().flat_map(|(name, map)| map.iter().map(move |line| (name, line)))
        {
            add("namespace", format!("map {name} {} {} {}", line.container, line.host, line.size));
        }
        for offset in &self.namespaces.clock_offsets {
            add(
                "namespace",
                format!("offset {} {}.{:09} s", offset.clock, offset.seconds, offset.nanoseconds),
            );
        }
        if let Some(cgroup) = &self.cgroup {
            for (controllers, path) in cgroup.record().paths() {
                add(
                    "cgroup",
                    format!(
                        "create {path} ({})",
                        if controllers.is_empty() { "v2" } else { controllers }
                    ),
                );
            }
            if let Some(owner) = cgroup.owner() {
                add("cgroup", format!("give to user {owner}"));
            }
            if let Some(unit) = cgroup.unit() {
                add("cgroup", format!("start unit {unit}"));
            }
            for (name, value) in cgroup.properties() {
                add("cgroup", format!("property {name}={value}"));
            }
            for write in cgroup.writes() {
                add(
                    "cgroup",
                    format!("write {} {:?} ({})", write.file, write.data, write.controller),
                );
            }
        }
        for device in &self.net_devices {
            add("network", format!("move {} to {}", device.host, device.name));
        }
        if let Some(plan) = &self.intel_rdt {
            let group = if plan.group.is_empty() { "/" } else { &plan.group };
            add("rdt", format!("group {group}"));
            plan.schemata.iter().for_each(|(line, _)| add("rdt", format!("schemata {line}")));
            if let Some(name) = &plan.monitoring {
                add("rdt", format!("monitoring group {name}"));
            }
        }
        let hooks = [
            ("prestart", &self.hooks.prestart),
            ("createRuntime", &self.hooks.create_runtime),
            ("createContainer", &self.hooks.create_container),
            ("startContainer", &self.hooks.start_container),
            ("poststart", &self.hooks.poststart),
            ("poststop", &self.hooks.poststop),
        ];
        for (kind, hook) in
            hooks.into_iter().flat_map(|(kind, list)| list.iter().map(move |hook| (kind, hook)))
        {
            add("hook", format!("{kind} {}", hook.path));
        }
        self.init_lines(&mut lines);
        lines
    }

    fn init_lines(&self, lines: &mut Vec<Line>) {
        let init = &self.init;
        let mut add = |part: &'static str, text: String| lines.push((part, text));
        if let Some(name) = &init.keyring {
            add("init", format!("join session keyring {name}"));
        }
        for (file, value, _) in &init.sysctls {
            add("init", format!("write /proc/sys/{file} {value:?}"));
        }
        if let Some(name) = &init.hostname {
            add("init", format!("hostname {name}"));
        }
        if let Some(name) = &init.domainname {
            add("init", format!("domainname {name}"));
        }
        if let Some(flags) = init.propagation {
            add("mount", format!("all mounts {}", propagation(flags)));
        }
        init.before_pivot.iter().for_each(|op| add("mount", describe(op)));
        add(
            "mount",
            match init.root {
                RootChange::Pivot => "pivot_root".to_owned(),
                RootChange::Move => "move the root, chroot".to_owned(),
                RootChange::Chroot => "chroot".to_owned(),
            },
        );
        init.after_pivot.iter().for_each(|op| add("mount", describe(op)));
        match &init.process {
            Some(process) => process.lines(lines),
            None => lines.push(("process", "none: the container can't be started".to_owned())),
        }
    }

    /// The same as JSON: an array of `{part, action}`.
    pub fn to_json(&self) -> Value {
        let steps: Vec<Value> = self
            .lines()
            .into_iter()
            .map(|(part, action)| json!({"part": part, "action": action}))
            .collect();
        json!({"id": self.id, "steps": steps, "warnings": self.warnings})
    }
}

impl ProcessPlan {
    fn lines(&self, lines: &mut Vec<Line>) {
        let mut add = |text: String| lines.push(("process", text));
        if let Some(size) = self.terminal {
            let size =
                size.map_or(String::new(), |size| format!(" {}x{}", size.width, size.height));
            add(format!("terminal{size}"));
        }
        for (number, soft, hard) in &self.rlimits {
            add(format!("rlimit {} {soft}:{hard}", super::rlimit_name(*number)));
        }
        if let Some(score) = self.oom_score_adj {
            add(format!("oom_score_adj {score}"));
        }
        if let Some(plan) = &self.scheduler {
            add(format!(
                "scheduler policy {} nice {} priority {} flags {:#x}",
                plan.policy, plan.nice, plan.priority, plan.flags
            ));
        }
        if let Some(priority) = self.io_priority {
            add(format!("ioprio class {} level {}", priority >> 13, priority & 7));
        }
        if let Some((mode, nodes)) = &self.memory_policy {
            add(format!("memory policy {mode:#x} nodes {nodes:?}"));
        }
        if let Some(domain) = self.personality {
            add(format!("personality {domain:#x}"));
        }
        for (file, label, _) in &self.labels {
            add(format!("label {file} {label}"));
        }
        let groups = match self.keep_groups {
            true => "of the caller".to_owned(),
            false => format!("{:?}", self.groups),
        };
        add(format!("user {}:{} groups {groups} umask {:03o}", self.uid, self.gid, self.umask));
        let sets = &self.capabilities;
        let names = [
            ("bounding", sets.bounding),
            ("permitted", sets.permitted),
            ("effective", sets.effective),
            ("inheritable", sets.inheritable),
            ("ambient", sets.ambient),
        ];
        for (name, set) in names {
            add(format!("capabilities {name} {}", capabilities(set)));
        }
        if self.no_new_privs {
            add("no_new_privs".to_owned());
        }
        if let Some(filter) = &self.seccomp {
            add(format!(
                "seccomp {} instructions, flags {:#x}",
                filter.instructions().len(),
                filter.flags()
            ));
        }
        add(format!("cwd {}", self.cwd));
        self.env.iter().for_each(|entry| add(format!("env {}", entry.to_string_lossy())));
        if self.fill_home {
            add("env HOME from /etc/passwd".to_owned());
        }
        let argv: Vec<_> = self.argv.iter().map(|arg| arg.to_string_lossy()).collect();
        add(format!("exec {argv:?}"));
    }
}

fn capabilities(set: CapabilitySet) -> String {
    let names: Vec<&str> = set.names().map(|name| name.trim_start_matches("CAP_")).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(",") }
}

/// What an operation does, in a line.
pub fn describe(op: &FsOp) -> String {
    match op {
        FsOp::Filesystem(plan) => {
            format!("{} {} on {}{}", plan.kind, plan.source, plan.destination, words(&plan.options))
        }
        FsOp::Bind(plan) => {
            format!("bind {} on {}{}", plan.source, plan.destination, words(&plan.options))
        }
        FsOp::Cgroup(plan) => {
            let names: Vec<&str> =
                plan.hierarchies.iter().map(|hierarchy| &*hierarchy.name).collect();
            let how = if plan.namespaced { "fresh" } else { "bound" };
            format!(
                "cgroup ({how}: {}) on {}{}",
                names.join(" "),
                plan.destination,
                words(&plan.options)
            )
        }
        FsOp::WorkingDirectory(path) => format!("directory {path}"),
        FsOp::Device(node) => format!(
            "device {} {:?} {}:{} mode {:04o} owner {}:{}{}",
            node.path,
            node.kind,
            node.major,
            node.minor,
            node.mode,
            node.uid,
            node.gid,
            if node.bind { " (bound from the host)" } else { "" }
        ),
        FsOp::Link { target, path, wanted, .. } => {
            format!(
                "link {path} to {target}{}",
                wanted.map_or(String::new(), |file| format!(" if {file} exists"))
            )
        }
        FsOp::Mask(paths) => format!("mask {}", paths.join(" ")),
        FsOp::Readonly(paths) => format!("readonly {}", paths.join(" ")),
        FsOp::ReadonlyMount(path) => format!("readonly mount {path}"),
        FsOp::ReadonlyRoot => "readonly root".to_owned(),
        FsOp::RootPropagation(flags) => format!("root {}", propagation(*flags)),
    }
}

fn propagation(flags: u64) -> String {
    let recursive = if flags & ms::REC != 0 { "r" } else { "" };
    let kinds = [
        (ms::SHARED, "shared"),
        (ms::SLAVE, "slave"),
        (ms::PRIVATE, "private"),
        (ms::UNBINDABLE, "unbindable"),
    ];
    let kind = kinds.iter().find(|(flag, _)| flags & flag != 0).map_or("?", |(_, name)| *name);
    format!("{recursive}{kind}")
}

fn words(options: &MountOptions) -> String {
    let mut text = String::new();
    if options.bind == Some(true) {
        text.push_str(" rbind");
    }
    if options.set != 0 {
        let _ = write!(text, " set {:#x}", options.set);
    }
    if options.cleared != 0 {
        let _ = write!(text, " clear {:#x}", options.cleared);
    }
    if options.tree_set != 0 || options.tree_clear != 0 {
        let _ = write!(text, " tree set {:#x} clear {:#x}", options.tree_set, options.tree_clear);
    }
    for flags in &options.propagation {
        let _ = write!(text, " {}", propagation(*flags));
    }
    if !options.data.is_empty() {
        let _ = write!(text, " data {}", options.data);
    }
    text
}
