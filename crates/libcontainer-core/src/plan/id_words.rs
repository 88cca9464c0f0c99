//! crun's `idmap=uids=...;gids=...`: the maps of a mount as a word of `mounts[].options` (crun(1),
//! "idmap mount options").

use ::namespaces::IdMap;

use super::Namespaces;
use super::namespaces::id_map;
use crate::error::{Error, Result};
use crate::spec::IdMapping;

/// Reads what is after `idmap=`; gives the map of user ids and that of group ids.
///
/// A range is `FIRST-HOST-SIZE`; several are joined by `#`. After an `@` the second number is an id
/// in the container's user namespace.
pub fn read(text: &str, field: &str, namespaces: &Namespaces) -> Result<(Vec<IdMap>, Vec<IdMap>)> {
    let (mut uids, mut gids) = (Vec::new(), Vec::new());
    for part in text.split(';') {
        let (map, container, ranges) = match part.split_once('=') {
            Some(("uids", ranges)) => (&mut uids, &namespaces.uid_map, ranges),
            Some(("gids", ranges)) => (&mut gids, &namespaces.gid_map, ranges),
            _ => {
                let reason = format!("idmap: {part:?} is neither uids=RANGES nor gids=RANGES");
                return Err(Error::config(field, reason));
            }
        };
        for range in ranges.split('#') {
            map.push(
                read_range(range, container)
                    .map_err(|reason| Error::config(field, format!("idmap: {range:?} {reason}")))?,
            );
        }
    }
    Ok((id_map(field, Some(&uids))?, id_map(field, Some(&gids))?))
}

fn read_range(text: &str, container: &[IdMap]) -> std::result::Result<IdMapping, &'static str> {
    let relative = text.strip_prefix('@');
    let numbers: Option<Vec<u32>> =
        relative.unwrap_or(text).split('-').map(|number| number.parse().ok()).collect();
    let Some(&[container_id, mut host_id, size]) = numbers.as_deref() else {
        return Err("is not FIRST-HOST-SIZE");
    };
    if relative.is_some() {
        // As crun: by the part of the container's map that the first number is in.
        let around = container
            .iter()
            .find(|line| (line.container..line.container + line.size).contains(&container_id))
            .ok_or("is outside of the container's user namespace")?;
        host_id = (i64::from(host_id) + i64::from(around.host) - i64::from(around.container))
            .try_into()
            .map_err(|_| "is outside of all ids")?;
    }
    Ok(IdMapping { container_id, host_id, size })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(container: u32, host: u32, size: u32) -> IdMap {
        IdMap { container, host, size }
    }

    /// The example of crun's manual.
    #[test]
    fn a_range_may_be_relative_to_the_containers() {
        let map = vec![line(0, 0, 1), line(1, 2, 1000)];
        let namespaces = Namespaces { uid_map: map.clone(), gid_map: map, ..Namespaces::default() };
        let (uids, gids) = read("uids=@1-3-10;gids=0-100-10#10-11-10", "f", &namespaces).unwrap();
        assert_eq!(uids, [line(1, 4, 10)]);
        assert_eq!(gids, [line(0, 100, 10), line(10, 11, 10)]);
        assert!(read("uids=@5000-3-10;gids=0-1-1", "f", &namespaces).is_err());
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for bad in
            ["uids", "uids=", "x=0-1-1", "uids=0-1", "uids=0-1-1-1", "uids=0-1-0", "uids=a-1-1"]
        {
            assert!(read(bad, "f", &Namespaces::default()).is_err(), "{bad}");
        }
    }
}
