//! The agent of a seccomp filter that notifies, and who may name it.

use std::borrow::Cow;

use seccomp::spec::Profile;
use serde::{Deserialize, Serialize};

use super::extensions::Annotations;
use crate::spec::Linux;

/// The agent of a filter that notifies (config-linux.md, "Seccomp").
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Agent {
    /// Its socket.
    pub path: String,
    /// Words for it.
    pub metadata: Option<String>,
}

impl Agent {
    /// The agent that a profile names.
    pub fn of(profile: Option<&seccomp::spec::Profile<'_>>) -> Option<Agent> {
        let profile = profile?;
        let path = profile.listener_path.as_deref().filter(|path| !path.is_empty())?;
        let metadata = profile.listener_metadata.as_deref().map(str::to_owned);
        Some(Agent { path: path.to_owned(), metadata })
    }
}

/// The profile, with the socket of the agent: an annotation wins, the caller's default is last.
pub fn profile<'p>(
    linux: Option<&'p Linux<'p>>,
    annotations: &Annotations,
    default_receiver: Option<&str>,
) -> Option<Cow<'p, Profile<'p>>> {
    let profile = linux?.seccomp.as_ref()?;
    let asked = annotations.get("run.oci.seccomp.receiver").map(String::as_str);
    let named = profile.listener_path.as_deref().filter(|path| !path.is_empty());
    match asked.or(default_receiver.filter(|_| named.is_none())) {
        None => Some(Cow::Borrowed(profile)),
        Some(path) => {
            let listener_path = Some(Cow::Owned(path.to_owned()));
            Some(Cow::Owned(Profile { listener_path, ..profile.clone() }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agent_is_found_in_three_places() {
        let named = Profile { listener_path: Some("/named".into()), ..Profile::default() };
        let path = |profile: Profile<'static>, annotations: &Annotations| {
            let linux = Linux { seccomp: Some(profile), ..Linux::default() };
            let found = self::profile(Some(&linux), annotations, Some("/default"));
            found.and_then(|profile| profile.listener_path.as_deref().map(str::to_owned)).unwrap()
        };
        let asked =
            Annotations::from([("run.oci.seccomp.receiver".to_owned(), "/asked".to_owned())]);
        assert_eq!(path(named.clone(), &asked), "/asked");
        assert_eq!(path(named, &Annotations::new()), "/named");
        assert_eq!(path(Profile::default(), &Annotations::new()), "/default");
    }
}
