//! Any bytes are refused as a stored state, or read; what was read is written as it was.
#![no_main]

use libcontainer_core::state::State;
use libcontainer_core::store::check_id;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(state) = serde_json::from_slice::<State>(data) else { return };
    let _ = check_id(&state.id);
    let shown = state.oci_state("running").to_json();
    serde_json::from_slice::<serde_json::Value>(&shown).expect("the state is JSON");
    let text = serde_json::to_vec(&state).expect("a state can be written");
    let again: State = serde_json::from_slice(&text).expect("and read again");
    assert_eq!(serde_json::to_vec(&again).expect("a state"), text);
});
