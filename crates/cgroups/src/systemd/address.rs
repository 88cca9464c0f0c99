//! Where a manager of systemd listens.

/// Where to look for a manager, in order, and whether it is a bus that is there.
pub(crate) fn of_manager(user: bool) -> Vec<(String, bool)> {
    let environment = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let mut found = Vec::new();
    if user {
        let named = environment("DBUS_SESSION_BUS_ADDRESS");
        found.extend(named.as_deref().and_then(parse).map(|path| (path, true)));
        if let Some(dir) = environment("XDG_RUNTIME_DIR") {
            found.push((format!("{dir}/bus"), true));
            found.push((format!("{dir}/systemd/private"), false));
        }
    } else {
        let named = environment("DBUS_SYSTEM_BUS_ADDRESS");
        let named = named.as_deref().and_then(parse);
        found.push((named.unwrap_or_else(|| "/run/dbus/system_bus_socket".to_owned()), true));
        found.push(("/run/systemd/private".to_owned(), false));
    }
    found.dedup();
    found
}

/// The first Unix socket of a list of addresses; `@` marks an abstract one.
fn parse(list: &str) -> Option<String> {
    list.split(';').find_map(|address| {
        let pairs = address.strip_prefix("unix:")?;
        pairs.split(',').find_map(|pair| match pair.split_once('=')? {
            ("path", path) => Some(unescape(path)),
            ("abstract", name) => Some(format!("@{}", unescape(name))),
            _ => None,
        })
    })
}

/// Undoes `%XX`.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let byte = match (first, tail) {
            (b'%', [high, low, ..]) => {
                let digits = [*high, *low];
                std::str::from_utf8(&digits).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok())
            }
            _ => None,
        };
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_buses() {
        for (list, expected) in [
            ("unix:path=/run/user/1000/bus", Some("/run/user/1000/bus")),
            ("unix:path=/run/bus,guid=0123", Some("/run/bus")),
            ("unix:abstract=/tmp/dbus-x,guid=0", Some("@/tmp/dbus-x")),
            ("tcp:host=localhost;unix:path=/a%20b", Some("/a b")),
            ("unix:path=/a%zz%", Some("/a%zz%")),
            ("autolaunch:", None),
            ("", None),
        ] {
            assert_eq!(parse(list).as_deref(), expected, "{list}");
        }
    }
}
