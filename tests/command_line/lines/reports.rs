//! What is printed: state, list, ps, events, features, spec.

use crate::line::{Line, line};

pub const LINES: &[Line] = &[
    line("state CREATED").keys().says(&["\"status\": \"created\""]),
    line("state RUNNING").keys().says(&["\"status\": \"running\""]),
    line("state PAUSED").keys().says(&["\"status\": \"paused\""]),
    line("state STOPPED").keys().says(&["\"status\": \"stopped\"", "\"pid\": N"]),
    line("list"),
    line("list RUNNING").mistake(),
    line("list -q"),
    line("list --format json"),
    line("list -f json"),
    line("list --format table"),
    line("list --format yaml").says(&["invalid format option"]),
    line("list --quiet --format yaml"),
    line("ps RUNNING -o pid,comm").prose(),
    line("ps RUNNING").says(&["UID", "PID", "PPID", "CMD"]).prose(),
    line("ps --format json RUNNING"),
    line("ps -f json RUNNING"),
    line("ps -f json CREATED"),
    line("ps --format yaml RUNNING").says(&["invalid format option"]),
    line("ps RUNNING --frobnicate").says(&["exit status N"]),
    line("events --stats RUNNING")
        .prose()
        .says(&["{\"type\":\"stats\",\"id\":\"RUNNING\",\"data\":{"]),
    line("events RUNNING --stats").prose(),
    line("events --stats STOPPED").says(&["is not running"]),
    line("events --interval 0s RUNNING").says(&["interval"]),
    line("events --interval x RUNNING").mistake(),
    line("features").prose().says(&["\"ociVersionMin\": \"N.N.N\"", "\"mountOptions\""]),
    line("features extra").mistake(),
    line("spec"),
    line("spec --rootless"),
    line("spec --bundle BUNDLE").says(&["File config.json exists. Remove it first"]),
    line("spec -b SCRATCH/empty"),
    line("spec --bundle SCRATCH/nowhere").says(&["no such file or directory"]),
    line("checkpoint --image-path SCRATCH/image STOPPED"),
    line("checkpoint MISSING").says(&["does not exist"]),
];
