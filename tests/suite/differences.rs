//! Where another runtime is known to differ, and why.

mod crun;
mod kernel;
mod runc;

use behaviour::Runtime;
use behaviour::old_kernel::Kernel;

/// One reason, and the tests that fail for it.
pub struct Difference {
    /// The start of what the runtime's `--version` says, or of `kernel` and the name in `KERNEL`.
    runtime: &'static str,
    pub reason: &'static str,
    /// Whether the tests pass now and then, as the outcome is a matter of time.
    pub sometimes: bool,
    tests: &'static [&'static str],
}

/// Tells why a test is known to fail with a runtime.
pub fn known(test: &str, runtime: &Runtime) -> Option<&'static Difference> {
    let kernel = Kernel::wanted().map(|kernel| format!("kernel {}", kernel.name()));
    let mut listed = all().filter(|difference| {
        let kernel = kernel.as_deref().is_some_and(|name| name.starts_with(difference.runtime));
        kernel || runtime.is(difference.runtime)
    });
    listed.find(|difference| difference.tests.contains(&test))
}

/// All tests that the table mentions.
pub fn tests() -> impl Iterator<Item = &'static str> {
    all().flat_map(|difference| difference.tests).copied()
}

fn all() -> impl Iterator<Item = &'static Difference> {
    runc::DIFFERENCES.iter().chain(crun::DIFFERENCES).chain(kernel::DIFFERENCES)
}

/// All tests of a chapter that is younger than the runtimes which Debian 12 has.
const NET_DEVICES: &[&str] = &[
    "net_devices::a_device_moves",
    "net_devices::a_device_moves_under_another_name",
    "net_devices::names_are_numbered",
    "net_devices::mtu_and_hardware_address_are_kept",
    "net_devices::permanent_global_addresses_are_kept",
    "net_devices::other_addresses_are_not_kept",
    "net_devices::labels_of_addresses_follow_the_name",
    "net_devices::a_device_is_up",
    "net_devices::a_parameter_of_a_device",
    "net_devices::a_device_moves_into_a_joined_namespace",
    "net_devices::a_device_stays_in_a_joined_namespace",
    "net_devices::the_old_name_may_be_taken",
    "net_devices::numbers_that_are_taken_are_passed_over",
    "net_devices::a_device_moves_into_a_user_namespace",
    "net_devices::a_name_that_is_taken_is_an_error",
    "net_devices::the_name_of_loopback_is_taken",
    "net_devices::an_absent_device_is_an_error",
    "net_devices::no_device_moves_if_one_can_not",
    "net_devices::a_device_that_can_not_leave_is_an_error",
    "net_devices::the_namespace_of_the_caller_is_refused",
    "net_devices::no_network_namespace_is_refused",
    "net_devices::a_long_name_is_refused",
];

/// Commands that only this runtime has.
const USAGE: &[&str] = &[
    "limits::usage_of_all_containers",
    "limits::usage_as_json",
    "limits::usage_of_an_unknown_container",
    "limits::usage_again_and_again",
];

/// An option that only this runtime has.
const TIMELINE: &[&str] =
    &["cli::a_timeline_of_both_sides", "cli::a_timeline_that_cannot_be_written_is_a_warning"];

/// The chapter on scheduling, likewise.
const SCHEDULING: &[&str] = &[
    "scheduling::other_with_a_nice_value",
    "scheduling::fifo_with_a_priority",
    "scheduling::round_robin_with_a_priority",
    "scheduling::deadline_with_its_three_times",
    "scheduling::flags_of_the_policy",
    "scheduling::an_unknown_flag_is_refused",
    "scheduling::deadline_times_need_the_policy",
    "scheduling::deadline_times_in_another_order_are_refused",
    "scheduling::realtime_needs_its_time",
    "scheduling::exec_ends_on_the_final_cpus",
    "scheduling::exec_begins_on_the_initial_cpus",
    "scheduling::exec_needs_final_cpus_that_are_there",
    "scheduling::a_bad_list_of_cpus_is_refused",
    "scheduling::memory_is_bound_to_nodes",
    "scheduling::flags_of_the_memory_policy",
    "scheduling::memory_policies_without_nodes",
    "scheduling::memory_nodes_that_are_missing_are_refused",
    "scheduling::an_unknown_memory_policy_is_refused",
    "scheduling::flags_of_a_personality_are_refused",
];

/// The chapters on commands that are orun's own.
const VALIDATE: &[&str] = &[
    "validate::a_good_configuration",
    "validate::all_problems_at_once",
    "validate::warnings_are_no_failure_unless_strict",
    "validate::problems_as_json",
    "validate::a_file_in_place_of_the_bundles",
    "validate::a_missing_file",
    "rootless::the_written_configuration_is_valid",
    "doctor::this_host_is_fit",
    "doctor::every_lack_has_an_advice",
    "doctor::a_missing_call_is_told",
    "doctor::root_without_capabilities_is_not_fit",
    "doctor::colours_are_for_terminals",
];

/// The chapter on a command of newer versions of crun.
const MOUNTS_COMMAND: &[&str] = &[
    "mounts_command::a_folder_is_added_with_its_options",
    "mounts_command::a_file_is_added",
    "mounts_command::a_tmpfs_is_added",
    "mounts_command::a_place_is_looked_up_below_the_root",
    "mounts_command::what_the_host_mounts_later_stays_away",
    "mounts_command::a_mount_is_removed",
    "mounts_command::what_is_no_mount_can_not_be_removed",
    "mounts_command::a_link_does_not_lead_to_another_mount",
    "mounts_command::a_changed_root_does_not_lead_to_another_mount",
    "mounts_command::without_a_mount_namespace_it_is_refused",
    "mounts_command::a_filesystem_of_a_namespace_is_refused",
    "mounts_command::a_bad_document_is_refused",
    "mounts_command::a_stopped_container_is_refused",
    "mounts_command::the_container_may_have_a_user_namespace",
];

/// The chapter on a command that is orun's own.
const EXTENSIONS: &[&str] = &[
    "extensions::the_callers_groups_are_kept",
    "extensions::the_callers_groups_are_kept_in_a_user_namespace",
    "extensions::the_callers_groups_are_kept_by_exec",
    "extensions::an_unknown_system_call_is_refused",
    "extensions::an_agent_by_annotation",
    "extensions::an_agent_by_environment",
    "extensions::a_raw_filter_is_refused",
    "extensions::another_handler_is_refused",
    "fds::a_handle_is_sent_to_the_annotated_socket",
];

const WAIT: &[&str] = &[
    "wait::it_tells_the_exit_status",
    "wait::it_tells_the_signal",
    "wait::it_returns_no_sooner_than_the_container_ends",
    "wait::it_waits_for_a_container_that_is_not_started_yet",
    "wait::several_may_wait",
    "wait::of_a_container_that_has_ended_nothing_is_known",
    "wait::one_that_is_not_there_is_an_error",
];

/// What only orun has.
const SECCOMP_TOOLS: &[&str] = &[
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
    "seccomp_record::recording_needs_a_place_to_write",
    "seccomp_record::recording_needs_the_foreground",
    "seccomp_command::check_tells_what_is_denied",
    "seccomp_command::check_tells_what_has_no_effect",
    "seccomp_command::check_names_the_property_that_is_wrong",
    "seccomp_command::check_reads_a_configuration",
    "seccomp_command::check_wants_a_profile",
    "seccomp_command::check_reads_standard_input",
    "seccomp_command::explain_tells_the_rule",
    "seccomp_command::explain_tells_the_default_action",
    "seccomp_command::explain_knows_other_architectures",
    "seccomp_command::explain_takes_numbers",
    "seccomp_command::explain_wants_a_known_call",
];

const fn always(
    runtime: &'static str,
    reason: &'static str,
    tests: &'static [&'static str],
) -> Difference {
    Difference { runtime, reason, sometimes: false, tests }
}

const fn sometimes(
    runtime: &'static str,
    reason: &'static str,
    tests: &'static [&'static str],
) -> Difference {
    Difference { runtime, reason, sometimes: true, tests }
}
