//! The words of `mounts[].options`: one table from a word to what it does.

/// `MS_*` of `mount(2)`.
pub mod ms {
    #![allow(missing_docs)]
    pub const RDONLY: u64 = 1;
    pub const NOSUID: u64 = 2;
    pub const NODEV: u64 = 4;
    pub const NOEXEC: u64 = 8;
    pub const SYNCHRONOUS: u64 = 16;
    pub const REMOUNT: u64 = 32;
    pub const MANDLOCK: u64 = 64;
    pub const DIRSYNC: u64 = 128;
    pub const NOSYMFOLLOW: u64 = 256;
    pub const NOATIME: u64 = 1024;
    pub const NODIRATIME: u64 = 2048;
    pub const REC: u64 = 16384;
    pub const SILENT: u64 = 32768;
    pub const POSIXACL: u64 = 1 << 16;
    pub const UNBINDABLE: u64 = 1 << 17;
    pub const PRIVATE: u64 = 1 << 18;
    pub const SLAVE: u64 = 1 << 19;
    pub const SHARED: u64 = 1 << 20;
    pub const RELATIME: u64 = 1 << 21;
    pub const I_VERSION: u64 = 1 << 23;
    pub const STRICTATIME: u64 = 1 << 24;
    pub const LAZYTIME: u64 = 1 << 25;
}

/// `MOUNT_ATTR_*` of `mount_setattr(2)`.
pub mod attr {
    #![allow(missing_docs)]
    pub const RDONLY: u64 = 0x1;
    pub const NOSUID: u64 = 0x2;
    pub const NODEV: u64 = 0x4;
    pub const NOEXEC: u64 = 0x8;
    pub const ATIME: u64 = 0x70;
    pub const RELATIME: u64 = 0x0;
    pub const NOATIME: u64 = 0x10;
    pub const STRICTATIME: u64 = 0x20;
    pub const NODIRATIME: u64 = 0x80;
    pub const IDMAP: u64 = 0x0010_0000;
    pub const NOSYMFOLLOW: u64 = 0x0020_0000;
}

/// What a word does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// Nothing.
    None,
    /// Sets flags of `mount(2)`.
    Set(u64),
    /// Clears them.
    Clear(u64),
    /// A change of propagation after the mount.
    Propagation(u64),
    /// Attributes of the whole tree: those to clear, those to set.
    Tree(u64, u64),
    /// A bind mount, of the whole tree or of one mount.
    Bind { tree: bool },
    /// An id-mapped mount, of the whole tree or of one mount.
    Idmap { tree: bool },
    /// A tmpfs that starts with what it hides.
    CopyUp,
    /// A symlink as source is made again in the container.
    CopySymlink,
    /// A symlink as source is an error.
    SourceNofollow,
    /// A symlink as destination is mounted over, not followed.
    DestinationNofollow,
}

use Effect::{
    Bind, Clear, CopySymlink, CopyUp, DestinationNofollow, Idmap, Propagation, Set, SourceNofollow,
    Tree,
};

/// config.md, "Linux mount options", and runc's and crun's additions.
const WORDS: &[(&str, Effect)] = &[
    ("acl", Set(ms::POSIXACL)),
    ("async", Clear(ms::SYNCHRONOUS)),
    ("atime", Clear(ms::NOATIME)),
    ("bind", Bind { tree: false }),
    ("copy-symlink", CopySymlink),
    ("defaults", Effect::None),
    ("dest-nofollow", DestinationNofollow),
    ("dev", Clear(ms::NODEV)),
    ("diratime", Clear(ms::NODIRATIME)),
    ("dirsync", Set(ms::DIRSYNC)),
    ("exec", Clear(ms::NOEXEC)),
    ("idmap", Idmap { tree: false }),
    ("iversion", Set(ms::I_VERSION)),
    ("lazytime", Set(ms::LAZYTIME)),
    ("loud", Clear(ms::SILENT)),
    ("mand", Set(ms::MANDLOCK)),
    ("noacl", Clear(ms::POSIXACL)),
    ("noatime", Set(ms::NOATIME)),
    ("nodev", Set(ms::NODEV)),
    ("nodiratime", Set(ms::NODIRATIME)),
    ("noexec", Set(ms::NOEXEC)),
    ("noiversion", Clear(ms::I_VERSION)),
    ("nolazytime", Clear(ms::LAZYTIME)),
    ("nomand", Clear(ms::MANDLOCK)),
    ("norelatime", Clear(ms::RELATIME)),
    ("nostrictatime", Clear(ms::STRICTATIME)),
    ("nosuid", Set(ms::NOSUID)),
    ("nosymfollow", Set(ms::NOSYMFOLLOW)),
    ("private", Propagation(ms::PRIVATE)),
    ("ratime", Tree(attr::ATIME, attr::RELATIME)),
    ("rbind", Bind { tree: true }),
    ("rdev", Tree(attr::NODEV, 0)),
    ("rdiratime", Tree(attr::NODIRATIME, 0)),
    ("relatime", Set(ms::RELATIME)),
    ("remount", Set(ms::REMOUNT)),
    ("rexec", Tree(attr::NOEXEC, 0)),
    ("ridmap", Idmap { tree: true }),
    ("rnoatime", Tree(attr::ATIME, attr::NOATIME)),
    ("rnodev", Tree(0, attr::NODEV)),
    ("rnodiratime", Tree(0, attr::NODIRATIME)),
    ("rnoexec", Tree(0, attr::NOEXEC)),
    ("rnorelatime", Tree(attr::ATIME, attr::RELATIME)),
    ("rnostrictatime", Tree(attr::ATIME, attr::RELATIME)),
    ("rnosuid", Tree(0, attr::NOSUID)),
    ("rnosymfollow", Tree(0, attr::NOSYMFOLLOW)),
    ("ro", Set(ms::RDONLY)),
    ("rprivate", Propagation(ms::PRIVATE | ms::REC)),
    ("rrelatime", Tree(attr::ATIME, attr::RELATIME)),
    ("rro", Tree(0, attr::RDONLY)),
    ("rrw", Tree(attr::RDONLY, 0)),
    ("rshared", Propagation(ms::SHARED | ms::REC)),
    ("rslave", Propagation(ms::SLAVE | ms::REC)),
    ("rstrictatime", Tree(attr::ATIME, attr::STRICTATIME)),
    ("rsuid", Tree(attr::NOSUID, 0)),
    ("rsymfollow", Tree(attr::NOSYMFOLLOW, 0)),
    ("runbindable", Propagation(ms::UNBINDABLE | ms::REC)),
    ("rw", Clear(ms::RDONLY)),
    ("shared", Propagation(ms::SHARED)),
    ("silent", Set(ms::SILENT)),
    ("slave", Propagation(ms::SLAVE)),
    ("src-nofollow", SourceNofollow),
    ("strictatime", Set(ms::STRICTATIME)),
    ("suid", Clear(ms::NOSUID)),
    ("symfollow", Clear(ms::NOSYMFOLLOW)),
    ("sync", Set(ms::SYNCHRONOUS)),
    ("tmpcopyup", CopyUp),
    ("unbindable", Propagation(ms::UNBINDABLE)),
];

/// Every word that is known, for `features`.
pub fn words() -> impl Iterator<Item = &'static str> {
    WORDS.iter().map(|(word, _)| *word)
}

/// The options of one mount, sorted by what they do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MountOptions {
    /// Flags of `mount(2)`.
    pub set: u64,
    /// Flags that were asked to be off.
    pub cleared: u64,
    /// Propagation changes, in order.
    pub propagation: Vec<u64>,
    /// Attributes that are cleared in the whole tree.
    pub tree_clear: u64,
    /// Attributes that are set in the whole tree.
    pub tree_set: u64,
    /// Whether it is a bind mount, and whether of the whole tree.
    pub bind: Option<bool>,
    /// Whether it is id-mapped, and whether the whole tree is.
    pub idmap: Option<bool>,
    /// The maps that `idmap=` has of its own (crun).
    pub id_maps: Option<String>,
    /// `tmpcopyup`
    pub copy_up: bool,
    /// `copy-symlink`
    pub copy_symlink: bool,
    /// `src-nofollow`
    pub source_nofollow: bool,
    /// `dest-nofollow`
    pub destination_nofollow: bool,
    /// Words that are the filesystem's business, joined by commas.
    pub data: String,
}

impl MountOptions {
    /// Sorts a list of words; later ones win.
    pub fn parse<'w>(words: impl IntoIterator<Item = &'w str>) -> MountOptions {
        let mut options = MountOptions::default();
        for word in words {
            match WORDS.binary_search_by(|(known, _)| (*known).cmp(word)) {
                Ok(index) => options.apply(WORDS[index].1),
                Err(_) if options.take_maps(word) => {}
                Err(_) => {
                    if !options.data.is_empty() {
                        options.data.push(',');
                    }
                    options.data.push_str(word);
                }
            }
        }
        options
    }

    /// Takes `idmap=MAPS`; false if it is another word.
    fn take_maps(&mut self, word: &str) -> bool {
        let Some((name @ ("idmap" | "ridmap"), maps)) = word.split_once('=') else { return false };
        self.idmap = Some(name == "ridmap");
        self.id_maps = Some(maps.to_owned()).filter(|maps| !maps.is_empty());
        true
    }

    fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::None => {}
            Set(flags) => {
                self.set |= flags;
                self.cleared &= !flags;
            }
            Clear(flags) => {
                self.set &= !flags;
                self.cleared |= flags;
            }
            Propagation(flags) => self.propagation.push(flags),
            Tree(clear, set) => {
                self.tree_clear = (self.tree_clear | clear) & !(set & !attr::ATIME);
                self.tree_set = (self.tree_set & !clear) | set;
            }
            Bind { tree } => self.bind = Some(tree || self.bind == Some(true)),
            Idmap { tree } => self.idmap = Some(tree),
            CopyUp => self.copy_up = true,
            CopySymlink => self.copy_symlink = true,
            SourceNofollow => self.source_nofollow = true,
            DestinationNofollow => self.destination_nofollow = true,
        }
    }

    /// The attributes of a bind mount to clear and to set, if any flag was named at all.
    ///
    /// As with a bind remount by `mount(2)`, what is not named is off, but for the access times,
    /// which stay as they are unless one of their words is given.
    pub fn bind_attributes(&self) -> Option<(u64, u64)> {
        if self.set == 0 && self.cleared == 0 {
            return None;
        }
        const PLAIN: [(u64, u64); 5] = [
            (ms::RDONLY, attr::RDONLY),
            (ms::NOSUID, attr::NOSUID),
            (ms::NODEV, attr::NODEV),
            (ms::NOEXEC, attr::NOEXEC),
            (ms::NOSYMFOLLOW, attr::NOSYMFOLLOW),
        ];
        let (mut clear, mut set) = (0, 0);
        for (flag, attribute) in PLAIN {
            clear |= attribute;
            set |= if self.set & flag != 0 { attribute } else { 0 };
        }
        if self.set & (ms::NOATIME | ms::NODIRATIME | ms::RELATIME | ms::STRICTATIME) != 0 {
            clear |= attr::ATIME | attr::NODIRATIME;
            set |= match self.set {
                flags if flags & ms::STRICTATIME != 0 => attr::STRICTATIME,
                flags if flags & ms::NOATIME != 0 => attr::NOATIME,
                _ => attr::RELATIME,
            };
            set |= if self.set & ms::NODIRATIME != 0 { attr::NODIRATIME } else { 0 };
        }
        Some((clear, set))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_for_the_search() {
        assert!(WORDS.is_sorted_by_key(|(word, _)| *word));
    }

    #[test]
    fn later_words_win_and_unknown_ones_are_data() {
        let options = MountOptions::parse(["ro", "nosuid", "rw", "mode=755", "size=64k"]);
        assert_eq!(options.set, ms::NOSUID);
        assert_eq!(options.cleared, ms::RDONLY);
        assert_eq!(options.data, "mode=755,size=64k");
    }

    #[test]
    fn a_bind_without_words_keeps_the_flags_of_its_source() {
        assert_eq!(MountOptions::parse(["rbind"]).bind_attributes(), None);
        let (clear, set) = MountOptions::parse(["bind", "ro"]).bind_attributes().unwrap();
        assert_eq!(set, attr::RDONLY);
        assert_eq!(clear & attr::NOSUID, attr::NOSUID);
        assert_eq!(clear & attr::ATIME, 0);
    }

    #[test]
    fn tree_words_change_the_attributes_of_the_tree() {
        let options = MountOptions::parse(["rro", "rnoatime", "rrw"]);
        assert_eq!(options.tree_set, attr::NOATIME);
        assert_eq!(options.tree_clear, attr::ATIME | attr::RDONLY);
    }
}
