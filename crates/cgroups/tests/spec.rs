//! The structs of `linux.resources` against those of the oci-spec crate, as the oracle.
#![allow(clippy::unwrap_used, reason = "tests")]

use cgroups::spec::Resources;
use oci_spec::runtime::LinuxResources;
use serde_json::{Value, json};

fn all() -> Value {
    json!({
        "devices": [
            {"allow": false, "access": "rwm"},
            {"allow": true, "type": "c", "major": 10, "minor": -1, "access": "rw"}
        ],
        "memory": {
            "limit": 536870912, "reservation": -1, "swap": 536870913, "kernel": 1, "kernelTCP": 2,
            "swappiness": 3, "disableOOMKiller": true, "useHierarchy": false,
            "checkBeforeUpdate": true
        },
        "cpu": {
            "shares": 1024, "quota": -1, "burst": 7, "period": 500000, "realtimeRuntime": 950000,
            "realtimePeriod": 1000000, "cpus": "2-3", "mems": "0-7", "idle": 0
        },
        "pids": {"limit": 32771},
        "blockIO": {
            "weight": 10, "leafWeight": 11,
            "weightDevice": [{"major": 8, "minor": 0, "weight": 500, "leafWeight": 300}],
            "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 600}],
            "throttleWriteBpsDevice": [{"major": 8, "minor": 1, "rate": 601}],
            "throttleReadIOPSDevice": [{"major": 8, "minor": 2, "rate": 602}],
            "throttleWriteIOPSDevice": [{"major": 8, "minor": 16, "rate": 300}]
        },
        "hugepageLimits": [{"pageSize": "2MB", "limit": 9223372036854771712_u64}],
        "network": {"classID": 1048577, "priorities": [{"name": "eth0", "priority": 500}]},
        "rdma": {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 10000}},
        "unified": {"hugetlb.1GB.max": "1073741824"}
    })
}

/// Both read the text, and both write what was in it.
#[test]
fn every_field_has_the_name_that_the_oracle_has() {
    let text = all().to_string();
    let ours: Resources<'_> = serde_json::from_str(&text).unwrap();
    let oracle: LinuxResources = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_value(&ours).unwrap(), all());
    assert_eq!(serde_json::to_value(&oracle).unwrap(), all());
}

/// Each field alone, so that none of them is needed by another; absent stays absent.
#[test]
fn every_field_can_stand_alone() {
    for (section, fields) in all().as_object().unwrap() {
        let Some(fields) = fields.as_object() else { continue };
        for (field, value) in fields {
            let alone = json!({section: {field: value}});
            let text = alone.to_string();
            let ours: Resources<'_> = serde_json::from_str(&text).unwrap();
            assert_eq!(serde_json::to_value(&ours).unwrap(), alone);
        }
    }
}

#[test]
fn null_is_absent() {
    for section in all().as_object().unwrap().keys() {
        let text = json!({section: null}).to_string();
        let ours: Resources<'_> = serde_json::from_str(&text).unwrap();
        assert_eq!(ours, Resources::default(), "{section}");
    }
}

#[test]
fn what_is_of_another_type_is_refused() {
    for text in [
        r#"{"cpu":{"shares":-1}}"#,
        r#"{"pids":{"limit":9223372036854775808}}"#,
        r#"{"blockIO":{"weight":65536}}"#,
        r#"{"memory":{"limit":"1G"}}"#,
        r#"{"hugepageLimits":[{"pageSize":"2MB","limit":-1}]}"#,
        r#"{"devices":[{"access":"rwm"}]}"#,
    ] {
        assert!(serde_json::from_str::<Resources<'_>>(text).is_err(), "{text}");
    }
}
