//! What older kernels lack, as `KERNEL` plays them (docs/kernel-features.md).

use super::{Difference, always, sometimes};

const NO_TIME_NAMESPACES: &[&str] = &[
    "namespaces::a_new_time_namespace",
    "namespaces::joins_a_time_namespace",
    "namespaces::all_eight_new_at_once",
];

const NO_ID_MAPS: &[&str] = &[
    "idmaps::mappings_of_its_own",
    "idmaps::several_ranges",
    "idmaps::what_is_written_has_the_owner_of_the_source",
    "idmaps::mappings_of_the_user_namespace",
    "idmaps::mappings_of_the_word",
    "idmaps::mappings_of_the_word_in_the_user_namespace",
    "idmaps::idmap_is_for_the_one_mount",
    "idmaps::ridmap_is_for_all_below",
];

/// Those that take a listener by `pidfd_getfd`.
const NO_LISTENERS: &[&str] = &[
    "seccomp_notify::the_agent_decides",
    "extensions::an_agent_by_annotation",
    "extensions::an_agent_by_environment",
    "seccomp_notify::the_agent_decides_without_no_new_privileges",
    "seccomp_notify::the_agent_decides_for_a_created_container",
    "seccomp_notify::the_agent_decides_for_a_created_container_without_no_new_privileges",
    "seccomp_notify::the_agent_decides_for_exec",
    "seccomp_notify::the_agent_decides_for_exec_without_no_new_privileges",
    "seccomp_notify::the_agent_decides_in_a_user_namespace",
    "seccomp_notify::the_agent_decides_on_what_the_runtime_needs",
    "seccomp_notify::the_agent_gets_the_state",
    "seccomp_notify::the_agent_gets_its_metadata",
    "seccomp_notify::no_socket_is_an_error_for_exec",
    "seccomp_record::the_recorded_profile_is_enough",
    "seccomp_record::the_recorded_profile_is_enough_without_no_new_privileges",
    "seccomp_record::the_recorded_profile_is_enough_for_create_and_start",
    "seccomp_record::the_recorded_profile_is_enough_for_create_and_start_without_no_new_privileges",
    "seccomp_record::the_recorded_profile_is_enough_for_exec",
    "seccomp_record::the_recorded_profile_is_enough_for_exec_without_no_new_privileges",
    "seccomp_record::calls_of_another_abi_are_recorded",
    "seccomp_record::calls_of_children_and_hooks_are_recorded",
    "seccomp_record::an_own_profile_is_not_in_force",
    "seccomp_record::the_exit_status_is_that_of_the_program",
];

/// The parent takes the status away before who only looks now and then has seen it.
const NO_STATUS: &[&str] = &[
    "wait::it_tells_the_exit_status",
    "wait::it_tells_the_signal",
    "wait::it_waits_for_a_container_that_is_not_started_yet",
    "wait::several_may_wait",
];

/// Mounts can be carried into a container since Linux 5.12 only.
const NO_CARRYING: &[&str] = &[
    "mounts_command::a_folder_is_added_with_its_options",
    "mounts_command::a_file_is_added",
    "mounts_command::a_place_is_looked_up_below_the_root",
    "mounts_command::a_mount_is_removed",
    "mounts_command::what_the_host_mounts_later_stays_away",
    "mounts_command::the_container_may_have_a_user_namespace",
];

/// What needs a listener is asked before a place to write to.
const NO_PLACE: &[&str] = &["seccomp_record::recording_needs_a_place_to_write"];

const NO_GETFD: &str = "pidfd_getfd came with 5.6";
const PLAYED: &str = "the old kernel is itself a filter";

pub const DIFFERENCES: &[Difference] = &[
    always("kernel 4.18", "time namespaces came with 5.6", NO_TIME_NAMESPACES),
    always("kernel 5.4", "time namespaces came with 5.6", NO_TIME_NAMESPACES),
    always("kernel 4.18", "id-mapped mounts came with 5.12", NO_ID_MAPS),
    always("kernel 5.4", "id-mapped mounts came with 5.12", NO_ID_MAPS),
    always("kernel 4.18", NO_GETFD, NO_LISTENERS),
    always("kernel 5.4", NO_GETFD, NO_LISTENERS),
    always("kernel 4.18", NO_GETFD, NO_PLACE),
    always("kernel 5.4", NO_GETFD, NO_PLACE),
    always("kernel 4.18", "handles that tell of an end came with 5.3", NO_STATUS),
    always("kernel 4.18", "mount_setattr came with 5.12", NO_CARRYING),
    always("kernel 5.4", "mount_setattr came with 5.12", NO_CARRYING),
    always(
        "kernel 4.18",
        "fsmount came with 5.2, setns with a pidfd with 5.8",
        &[
            "mounts_command::a_tmpfs_is_added",
            "mounts_command::what_is_no_mount_can_not_be_removed",
            "mounts_command::a_link_does_not_lead_to_another_mount",
            "mounts_command::a_changed_root_does_not_lead_to_another_mount",
            "mounts_command::without_a_mount_namespace_it_is_refused",
        ],
    ),
    always(
        "kernel 5.4",
        "openat2, which keeps links out, came with 5.6",
        &[
            "mounts_command::what_is_no_mount_can_not_be_removed",
            "mounts_command::a_link_does_not_lead_to_another_mount",
            "mounts_command::a_changed_root_does_not_lead_to_another_mount",
        ],
    ),
    always(
        "kernel 4.18",
        "pidfds came with 5.3",
        &[
            "fds::a_handle_on_the_process_is_sent",
            "fds::a_handle_is_sent_to_the_annotated_socket",
            "fds::a_handle_on_an_exec_process_is_sent",
            "fds::a_handle_needs_somebody_who_listens",
        ],
    ),
    always("kernel busy", "a process has one listener, and busy needs it", NO_LISTENERS),
    always(
        "kernel 4.18",
        "fsopen, which tells why, came with 5.2",
        &["errors::a_bad_tmpfs_option"],
    ),
    always(
        "kernel 4.18",
        "mounts can be carried since Linux 5.2",
        &["binds::bind_that_only_its_mounter_may_look_at"],
    ),
    // Only glibc's: the released program has another C library.
    sometimes(
        "kernel 5.4",
        "the filter takes every long request for one with a cgroup, those of posix_spawn too",
        &["commands::ps_as_a_table_has_a_header", "commands::ps_passes_options_on"],
    ),
    always("kernel", PLAYED, &["seccomp::no_profile_no_filter"]),
];
