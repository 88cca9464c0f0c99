//! Where another runtime is known to differ, and why.

mod crun;
mod runc;

use behaviour::Runtime;

/// One reason, and the tests that fail for it.
pub struct Difference {
    /// The start of what the runtime's `--version` says.
    runtime: &'static str,
    pub reason: &'static str,
    /// Whether the tests pass now and then, as the outcome is a matter of time.
    pub sometimes: bool,
    tests: &'static [&'static str],
}

/// Tells why a test is known to fail with a runtime.
pub fn known(test: &str, runtime: &Runtime) -> Option<&'static Difference> {
    let mut listed = all().filter(|difference| runtime.is(difference.runtime));
    listed.find(|difference| difference.tests.contains(&test))
}

/// All tests that the table mentions.
pub fn tests() -> impl Iterator<Item = &'static str> {
    all().flat_map(|difference| difference.tests).copied()
}

fn all() -> impl Iterator<Item = &'static Difference> {
    runc::DIFFERENCES.iter().chain(crun::DIFFERENCES)
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
