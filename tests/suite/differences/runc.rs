//! Where runc differs; Debian 12 has version 1.1.5.

use super::{
    Difference, EXTENSIONS, MOUNTS_COMMAND, NET_DEVICES, SCHEDULING, SECCOMP_TOOLS, TIMELINE,
    USAGE, VALIDATE, WAIT, always, sometimes,
};

pub const DIFFERENCES: &[Difference] = &[
    always("runc 1.1", "does not know these properties", SCHEDULING),
    always("runc", "has no command validate or doctor", VALIDATE),
    always("runc", "has no command wait", WAIT),
    always("runc", "does not know crun's annotations", EXTENSIONS),
    always(
        "runc",
        "does not know these options, which are crun's",
        &[
            "cli::an_unknown_log_level_is_refused",
            "cli::errors_only_leaves_warnings_out",
            "cli::an_expression_stands_for_several_containers",
        ],
    ),
    always(
        "runc",
        "follows a link in place of the log",
        &["cli::a_link_in_place_of_the_log_is_not_followed"],
    ),
    always("runc", "leaves LISTEN_FDNAMES away", &["fds::names_of_sockets_are_passed"]),
    always(
        "runc 1.1",
        "does not know --pidfd-socket",
        &[
            "fds::a_handle_on_the_process_is_sent",
            "fds::a_handle_on_an_exec_process_is_sent",
            "fds::a_handle_needs_somebody_who_listens",
        ],
    ),
    always("runc", "has no command mounts", MOUNTS_COMMAND),
    always(
        "runc 1.1",
        "sends no barrier",
        &[
            "notify::start_waits_until_the_container_is_ready",
            "notify::run_detached_waits_too",
            "notify::run_in_the_foreground_is_the_main_process",
            "notify::the_directory_is_read_only",
            "notify::delete_removes_the_directory",
        ],
    ),
    always("runc", "has no commands stats and top", USAGE),
    always("runc", "knows no --trace", TIMELINE),
    always(
        "runc 1.1",
        "does not always say that the disk was full",
        &["full_disk::create_without_inodes", "full_disk::create_without_blocks"],
    ),
    always(
        "runc",
        "returns from start before the container's hooks have run, runs poststart in create, and checks no hook before",
        &[
            "hook_fields::start_container_has_a_timeout",
            "hook_fields::poststart_has_a_timeout",
            "hook_fields::a_timeout_must_be_positive",
            "hook_fields::a_relative_path_is_refused",
        ],
    ),
    always(
        "runc 1.1",
        "does not know id-mapped mounts",
        &[
            "idmaps::mappings_of_its_own",
            "idmaps::several_ranges",
            "idmaps::what_is_written_has_the_owner_of_the_source",
            "idmaps::mappings_of_the_user_namespace",
            "idmaps::idmap_is_for_the_one_mount",
            "idmaps::ridmap_is_for_all_below",
            "idmaps::one_kind_of_mappings_is_refused",
            "idmaps::an_empty_range_is_refused",
            "idmaps::idmap_without_any_mapping_is_refused",
            "idmaps::mappings_of_a_new_mount_are_refused",
            "idmaps::a_word_that_is_no_mapping_is_refused",
        ],
    ),
    always(
        "runc",
        "takes no mappings with the word idmap, which is crun's",
        &["idmaps::mappings_of_the_word", "idmaps::mappings_of_the_word_in_the_user_namespace"],
    ),
    always(
        "runc 1.1",
        "does not know these words",
        &[
            "mount_words::times_of_the_tree_undone",
            "mount_words::a_link_is_copied",
            "mount_words::a_link_that_is_there_already",
            "mount_words::a_link_as_source_is_not_followed",
            "mount_words::a_link_as_destination_is_not_followed",
        ],
    ),
    always(
        "runc",
        "writes a weight to an idle cgroup, where the kernel takes none",
        &["systemd::idle_or_a_weight"],
    ),
    always(
        "runc 1.1",
        "leaves these limits away",
        &[
            "cgroups_v1_rare::cpu_burst",
            "cgroups_v1_rare::cpu_idle",
            "cgroups_v1_rare::kernel_memory_of_sockets",
        ],
    ),
    always("runc 1.1", "does not know network devices", NET_DEVICES),
    always(
        "runc 1.1",
        "events needs a memory cgroup unless only --stats are asked for",
        &["rootless::statistics_without_a_cgroup"],
    ),
    always(
        "runc 1.1",
        "has no time namespaces",
        &[
            "errors::time_offsets_without_namespace",
            "namespaces::a_new_time_namespace",
            "namespaces::joins_a_time_namespace",
            "namespaces::all_eight_new_at_once",
            "namespaces::time_offsets_move_the_clocks",
            "namespaces::time_offsets_reach_exec",
            "namespaces::time_offsets_in_a_new_user_namespace",
            "namespaces::time_offsets_of_an_ordinary_user",
        ],
    ),
    always(
        "runc 1.1",
        "knows neither process.scheduler nor process.ioPriority",
        &[
            "process::scheduler_batch",
            "process::scheduler_idle",
            "process::scheduler_needs_a_known_policy",
            "process::scheduler_refuses_a_priority_without_realtime",
            "process::io_priority_best_effort",
            "process::io_priority_idle",
        ],
    ),
    always("runc 1.1", "knows no linux.personality", &["process::personality_of_32_bits"]),
    always("runc 1.1", "knows no domainname", &["kernel::domainname_is_set"]),
    always("runc 1.1", "knows no seccomp flags", &["seccomp::flags_are_accepted"]),
    always(
        "runc 1.1",
        "asks for mappings although the user namespace is joined",
        &["namespaces::joins_a_user_namespace"],
    ),
    always(
        "runc 1.1",
        "makes the state folder 0711, for an init with mapped ids",
        &["cli::the_root_is_made_with_mode_0700"],
    ),
    always("runc 1.1", "does not name the hook's kind", &["words::a_failing_hook"]),
    always(
        "runc 1.1",
        "does not look at ociVersion",
        &["errors::no_version", "errors::another_major_version"],
    ),
    always("runc 1.1", "reads one JSON value and stops", &["errors::text_after_the_end"]),
    always(
        "runc",
        "ignores mappings without a user namespace",
        &["errors::mappings_without_a_user_namespace"],
    ),
    always(
        "runc",
        "takes a relative path as one at the root",
        &["errors::a_relative_masked_path", "errors::a_relative_readonly_path"],
    ),
    always(
        "runc",
        "takes the last of two limits of a type",
        &["credentials::a_limit_given_twice_is_refused"],
    ),
    always(
        "runc 1.1",
        "makes mount points with the caller's umask",
        &["mounts::made_destinations_have_mode_0755"],
    ),
    always(
        "runc 1.1",
        "hands the word to the file system",
        &["mount_options::defaults_is_no_option_of_the_filesystem"],
    ),
    always(
        "runc 1.1",
        "applies recursive attributes to binds only",
        &["mount_options::recursive_words_on_a_new_mount"],
    ),
    always(
        "runc 1.1",
        "does not remount a bind whose words only clear flags",
        &[
            "mount_options::flags_clear_what_the_source_had",
            "mount_options::clearing_a_locked_flag_fails",
        ],
    ),
    always(
        "runc 1.1",
        "gives up where flags are locked",
        &["mount_options::locked_flags_are_kept_in_a_user_namespace"],
    ),
    always(
        "runc",
        "remounts the root with MS_RDONLY only",
        &["rootfs::a_read_only_root_keeps_flags_of_its_filesystem"],
    ),
    always(
        "runc 1.1",
        "applies rootfsPropagation before the pivot, to the host's root",
        &["rootfs::propagation_shared", "rootfs::propagation_unbindable"],
    ),
    always(
        "runc 1.1",
        "allows a default device only if the configuration does not list it",
        &["devices::a_default_device_may_be_repeated"],
    ),
    always(
        "runc",
        "takes any file in the place of a device",
        &["devices::another_file_in_its_place_is_an_error"],
    ),
    always("runc 1.1", "refuses user.* parameters", &["kernel::a_user_namespace_parameter"]),
    always(
        "runc 1.1",
        "runs poststart at the end of create",
        &[
            "hooks::six_kinds_in_their_order",
            "hooks::each_kind_in_its_moment",
            "hooks::the_state_says_which_moment",
            "hooks::poststart_comes_after_the_program_started",
            "hook_failures::a_failing_poststart_stops_the_container",
        ],
    ),
    always(
        "runc 1.1",
        "has the environment of the process in a createContainer hook",
        &["hooks::environment_in_the_container_has_nothing_of_the_host"],
    ),
    always(
        "runc 1.1",
        "warns of no container that cannot be killed",
        &["rootless::without_a_cgroup_and_a_pid_namespace_there_is_a_warning"],
    ),
    always(
        "runc",
        "takes no other file for the configuration",
        &["cli::the_configuration_may_be_a_pipe"],
    ),
    always(
        "runc",
        "start does not wait for startContainer hooks",
        &["hook_failures::a_failing_start_container_fails_start"],
    ),
    always(
        "runc 1.1",
        "waits for the end of a hook's output",
        &["hook_failures::a_background_process_does_not_hold_up_the_runtime"],
    ),
    always(
        "runc 1.1",
        "warns only of a group with processes",
        &["cgroups::a_group_with_processes_is_refused"],
    ),
    always(
        "runc 1.1",
        "looks at the profile's default action only if nothing newer is listed",
        &["seccomp::a_syscall_newer_than_the_profile_is_enosys"],
    ),
    always("runc", "takes an empty profile for none", &["seccomp::an_empty_profile_is_refused"]),
    always(
        "runc 1.1",
        "exec has the caller's umask",
        &[
            "exec::has_the_settings_of_the_config",
            "exec_options::a_process_file_with_its_own_settings",
            "exec::umask_and_signals_are_clean",
        ],
    ),
    always(
        "runc",
        "exec reads the bundle's config.json again",
        &["exec::works_after_config_json_is_gone"],
    ),
    always(
        "runc 1.1",
        "hands on descriptors of its own in the place of closed ones",
        &["fds::preserved_ones_that_are_closed"],
    ),
    always(
        "runc 1.1",
        "CVE-2026-41579",
        &["security::dev_is_a_link_without_mount", "security::dev_is_a_link_with_a_tmpfs"],
    ),
    always(
        "runc 1.1",
        "CVE-2025-31133",
        &[
            "security::dev_null_is_a_link_to_a_file_of_the_image",
            "security::dev_null_is_a_link_to_a_volume",
            "security::dev_null_is_a_plain_file",
            "security::dev_null_is_another_device",
            "security::dev_null_of_a_volume",
        ],
    ),
    always("runc 1.1", "CVE-2024-45310", &["races::mount_places_that_are_swapped"]),
    always("runc 1.1", "CVE-2025-52881", &["races::a_mount_of_proc_that_is_swapped"]),
    always(
        "runc",
        "needs system calls of its own after the filter is loaded",
        &["attacks::a_static_program_under_a_filter_that_allows_nothing_else"],
    ),
    always("runc 1.1", "takes 4294967296 for 0", &["hardening::exec_refuses_odd_users"]),
    always(
        "runc",
        "does not seal its copy again",
        &["hardening::a_copy_that_cannot_be_sealed_at_once"],
    ),
    always(
        "runc",
        "does not tell what a real-time caller is missing",
        &["cgroups_v1_rare::a_real_time_caller_is_told_what_is_missing"],
    ),
    always("runc", "neither records system calls nor explains profiles", SECCOMP_TOOLS),
    always(
        "runc",
        "start succeeds if a startContainer hook is killed",
        &[
            "seccomp_actions::a_start_container_hook_that_is_killed_fails_start",
            "seccomp_actions::a_start_container_hook_is_filtered_without_no_new_privileges",
        ],
    ),
    always(
        "runc",
        "ignores metadata without a listener",
        &["seccomp_notify::metadata_without_a_path_is_refused"],
    ),
    always(
        "runc",
        "sets no other groups for an ordinary user, even those that newgidmap has mapped",
        &["rootless::mapped_groups_are_set"],
    ),
    always(
        "runc",
        "names no property in errors about ids that are not mapped",
        &[
            "rootless::a_user_that_is_not_mapped_is_an_error",
            "rootless::other_groups_need_setgroups",
            "rootless::a_missing_newuidmap_is_an_error",
            "rootless::ids_that_are_not_granted_are_an_error",
        ],
    ),
    always(
        "runc 1.1",
        "leaves the tmpfs around read-only hierarchies of version 1 writable",
        &["rootless::cgroups_can_not_be_written"],
    ),
    sometimes(
        "runc 1.1",
        "ends otherwise when it is interrupted, or says so in other words",
        &[
            "interruptions::create_that_is_asked_to_end_leaves_nothing",
            "interruptions::run_that_is_asked_to_end_leaves_nothing",
            "interruptions::a_create_that_is_killed_has_made_a_stopped_container",
            "interruptions::an_init_that_is_killed_in_a_hook_was_not_started",
            "interruptions::a_create_that_is_killed_in_a_hook_is_deleted",
            "interruptions::cgroups_of_a_create_that_is_killed_in_a_hook",
            "interruptions::an_endless_hook_can_be_ended",
            "interruptions::the_daemon_of_a_failed_create_is_ended",
            "interruptions::control_characters_are_not_for_the_terminal",
        ],
    ),
    sometimes(
        "runc 1.1",
        "gives other answers beside another command",
        &[
            "concurrency::one_of_many_creates_succeeds",
            "concurrency::what_a_killed_command_left_without_a_state_is_no_container",
            "concurrency::pause_beside_delete",
        ],
    ),
    always(
        "runc 1.1",
        "follows a link in the place of a state directory",
        &["lifecycle::a_link_to_a_state_is_no_container"],
    ),
    sometimes(
        "runc 1.1",
        "serves a terminal in another way",
        &[
            "relay::a_reader_that_went_away",
            "relay::a_program_that_reads_nothing",
            "relay::a_reader_that_does_not_read",
            "relay::an_input_that_ends",
            "relay::a_job_in_the_background_leaves_the_terminal_alone",
        ],
    ),
    sometimes(
        "runc 1.1",
        "needs more descriptors",
        &[
            "fds::few_descriptors_are_enough_to_create",
            "fds::a_program_may_have_no_descriptor_to_spare",
        ],
    ),
    always(
        "runc 1.1",
        "needs a /proc in a container without a mount namespace of its own",
        &[
            "exec::has_the_root_of_a_container_without_a_mount_namespace",
            "exec::has_the_root_of_a_container_in_a_joined_mount_namespace",
        ],
    ),
    always(
        "runc",
        "executes what the bundle's config.json says now",
        &["lifecycle::edits_after_create_have_no_effect"],
    ),
    always(
        "runc",
        "knows the host's network namespace by its path, and no other",
        &["kernel::a_parameter_of_the_host_by_its_path_is_refused"],
    ),
    always(
        "runc",
        "leaves cgroups that are nested too deep for a path",
        &["cgroups::delete_removes_groups_that_are_too_deep_for_a_path"],
    ),
    always(
        "runc",
        "waits for a notification whatever it is asked to do",
        &["notify::run_detached_that_is_asked_to_end_leaves_nothing"],
    ),
    always(
        "runc 1.1",
        "looks at the source once more, from within",
        &["binds::bind_that_only_its_mounter_may_look_at"],
    ),
];
