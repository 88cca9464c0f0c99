//! The words that engines look for in error messages; they are those of runc.

use behaviour::Bundle;

use crate::case::{Case, cases};

pub const CASES: &[Case] = cases![
    state_of_an_unknown_container,
    kill_of_an_unknown_container,
    kill_of_a_stopped_container,
    create_with_a_used_id,
    start_of_a_running_container,
    start_of_a_stopped_container,
    delete_of_a_running_container,
    exec_in_a_stopped_container,
    an_invalid_id,
    a_missing_executable_in_path,
    a_missing_executable_by_path,
    a_missing_executable_in_exec,
    an_executable_without_permission,
    an_unknown_signal,
    spec_that_would_overwrite,
    a_failing_hook,
    proc_on_a_symbolic_link,
];

fn state_of_an_unknown_container() {
    Bundle::new().call_with("state", &[]).finish().fails_with("container does not exist");
}

fn kill_of_an_unknown_container() {
    Bundle::new().kill("KILL").fails_with("container does not exist");
}

fn kill_of_a_stopped_container() {
    stopped().kill("KILL").fails_with("container not running");
}

fn create_with_a_used_id() {
    let container = Bundle::new().created();
    let again = container.create_call(&[]).finish();
    again.fails_with("container with given ID already exists");
}

fn start_of_a_running_container() {
    Bundle::new().sleeping().start().fails_with("cannot start an already running container");
}

fn start_of_a_stopped_container() {
    stopped().start().fails_with("cannot start a container that has stopped");
}

fn delete_of_a_running_container() {
    let mut container = Bundle::new().sleeping();
    let text = format!("cannot delete container {} that is not stopped: running", container.id);
    container.delete().fails_with(&text);
}

fn exec_in_a_stopped_container() {
    stopped().exec(&[], &["self"]).fails_with("cannot exec in a stopped container");
}

fn an_invalid_id() {
    let bundle = Bundle::new();
    bundle.call("state").arg("a/b").finish().fails_with("invalid container ID format");
}

fn a_missing_executable_in_path() {
    let mut container = Bundle::new().set("process.args.0", "nothing");
    container.create().fails_with("exec: \"nothing\": executable file not found in $PATH");
}

fn a_missing_executable_by_path() {
    let mut container = Bundle::new().set("process.args.0", "/bin/nothing");
    container
        .create()
        .fails_with("exec: \"/bin/nothing\": stat /bin/nothing: no such file or directory");
}

fn a_missing_executable_in_exec() {
    let container = Bundle::new().sleeping();
    let done = container.call_with("exec", &[]).arg("nothing").finish();
    done.exits(255).fails_with("executable file not found in $PATH");
}

fn an_executable_without_permission() {
    let mut container = Bundle::new().set("process.args.0", "/etc/passwd");
    container.create().fails_with("exec: \"/etc/passwd\": permission denied");
}

fn an_unknown_signal() {
    Bundle::new().sleeping().kill("FOO").fails_with("unknown signal \"FOO\"");
}

fn spec_that_would_overwrite() {
    let bundle = Bundle::new();
    let file = bundle.host_file("config.json", "precious");
    let done = bundle.call("spec").cwd(file.parent().unwrap()).finish();
    done.fails_with("File config.json exists. Remove it first");
}

fn a_failing_hook() {
    let bundle = Bundle::new();
    let probe = bundle.probe();
    let mut container = bundle.hook("prestart", &probe, &["hook", "complain ouch", "exit 3"]);
    container.create().fails_with("error running prestart hook #0").fails_with("ouch");
}

fn proc_on_a_symbolic_link() {
    let mut container = Bundle::new().folder("fake").link("proc", "/fake");
    container.create().fails_with("must be mounted on ordinary directory");
}

fn stopped() -> Bundle {
    let container = Bundle::new().steps(&["exit 0"]).started();
    container.wait_for("stopped");
    container
}
