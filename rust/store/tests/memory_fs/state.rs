//! Names and contents of a file system: as its processes see them, and what of it is on the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One operation, or the moment at which a step was acknowledged.
#[derive(Clone, Debug)]
pub enum Op {
    MakeDir(PathBuf),
    Create(PathBuf),
    Write(usize, Vec<u8>),
    Sync(usize),
    /// The system drops what it could not write, and later reports success.
    FailedSync(usize),
    Rename(PathBuf, PathBuf),
    SyncDir(PathBuf),
    Remove(PathBuf),
    RemoveDir(PathBuf),
    Acknowledged(i32),
}

/// A name in a folder.
type Place = (usize, String);

#[derive(Clone, Debug, Default)]
pub struct Inode {
    pub is_dir: bool,
    pub data: Arc<Vec<u8>>,
    /// Written and not on the disk.
    pub unsynced: Vec<Unsynced>,
}

#[derive(Clone, Debug)]
pub struct Unsynced {
    pub range: Range<usize>,
    /// A failed sync has dropped it: no later one will put it on the disk.
    pub is_dropped: bool,
}

/// A change of one name that is not on the disk.
#[derive(Clone, Debug)]
pub struct NameChange {
    serial: usize,
    place: Place,
    inode: Option<usize>,
    /// The change that is on the disk if this one is: a rename leaves both names at worst, never none.
    pub after: Option<usize>,
}

#[derive(Clone, Debug)]
pub struct State {
    pub inodes: Vec<Inode>,
    names: BTreeMap<Place, usize>,
    names_on_disk: BTreeMap<Place, usize>,
    pub unsynced: Vec<NameChange>,
    serial: usize,
}

impl Default for State {
    fn default() -> Self {
        let root = Inode {
            is_dir: true,
            ..Inode::default()
        };
        Self {
            inodes: vec![root],
            names: BTreeMap::new(),
            names_on_disk: BTreeMap::new(),
            unsynced: Vec::new(),
            serial: 0,
        }
    }
}

impl State {
    pub fn find(&self, path: &Path) -> Option<usize> {
        let mut found = 0;
        for name in path.iter().skip(1) {
            found = *self.names.get(&(found, name.to_str()?.to_owned()))?;
        }
        Some(found)
    }

    pub fn find_file(&self, path: &Path) -> Option<usize> {
        self.find(path).filter(|inode| !self.inodes[*inode].is_dir)
    }

    pub fn find_dir(&self, path: &Path) -> Option<usize> {
        self.find(path).filter(|inode| self.inodes[*inode].is_dir)
    }

    pub fn names_in(&self, dir: usize) -> Vec<String> {
        let places = self.names.range((dir, String::new())..(dir + 1, String::new()));
        places.map(|((_, name), _)| name.clone()).collect()
    }

    fn place(&self, path: &Path) -> Place {
        let dir = self.find(path.parent().unwrap()).unwrap();
        (dir, path.file_name().unwrap().to_str().unwrap().to_owned())
    }

    pub fn apply(&mut self, op: &Op) {
        match op {
            Op::MakeDir(path) => drop(self.add(path, true)),
            Op::Create(path) => drop(self.add(path, false)),
            Op::Write(inode, bytes) => {
                let inode = &mut self.inodes[*inode];
                let start = inode.data.len();
                Arc::make_mut(&mut inode.data).extend(bytes);
                inode.unsynced.push(Unsynced {
                    range: start..start + bytes.len(),
                    is_dropped: false,
                });
            }
            Op::Sync(inode) => self.inodes[*inode].unsynced.retain(|write| write.is_dropped),
            Op::FailedSync(inode) => {
                for write in &mut self.inodes[*inode].unsynced {
                    write.is_dropped = true;
                }
            }
            Op::Rename(from, to) => {
                let (from, to) = (self.place(from), self.place(to));
                let inode = self.names[&from];
                let added = self.change(to, Some(inode), None);
                self.change(from, None, Some(added));
            }
            Op::SyncDir(dir) => self.sync_dir(self.find(dir).unwrap()),
            Op::Remove(path) | Op::RemoveDir(path) => drop(self.change(self.place(path), None, None)),
            Op::Acknowledged(_) => {}
        }
    }

    fn add(&mut self, path: &Path, is_dir: bool) -> usize {
        let inode = self.inodes.len();
        self.inodes.push(Inode {
            is_dir,
            ..Inode::default()
        });
        self.change(self.place(path), Some(inode), None)
    }

    fn change(&mut self, place: Place, inode: Option<usize>, after: Option<usize>) -> usize {
        set(&mut self.names, &place, inode);
        self.serial += 1;
        self.unsynced.push(NameChange {
            serial: self.serial,
            place,
            inode,
            after,
        });
        self.serial
    }

    fn sync_dir(&mut self, dir: usize) {
        let mut synced: BTreeSet<usize> = BTreeSet::new();
        for change in self.unsynced.iter().filter(|change| change.place.0 == dir) {
            synced.insert(change.serial);
            synced.extend(change.after);
        }
        for change in self.unsynced.extract_if(.., |change| synced.contains(&change.serial)) {
            set(&mut self.names_on_disk, &change.place, change.inode);
        }
    }

    /// Return the state in which these of the unsynced names are on the disk; `None` if no crash can leave it.
    pub fn with_names(&self, is_kept: impl Fn(usize) -> bool) -> Option<Self> {
        let mut names = self.names_on_disk.clone();
        let mut kept = BTreeSet::new();
        for (index, change) in self.unsynced.iter().enumerate().filter(|(index, _)| is_kept(*index)) {
            let waits = |after| !kept.contains(&after) && self.unsynced.iter().any(|other| other.serial == after);
            if change.after.is_some_and(waits) {
                return None;
            }
            kept.insert(self.unsynced[index].serial);
            set(&mut names, &change.place, change.inode);
        }
        Some(Self {
            inodes: self.inodes.clone(),
            names_on_disk: names.clone(),
            names,
            unsynced: Vec::new(),
            serial: self.serial,
        })
    }

    /// Return every path with its inode, folders before what is in them.
    pub fn tree(&self) -> Vec<(PathBuf, usize)> {
        let mut found = vec![(PathBuf::from("/"), 0)];
        let mut next = 0;
        while let Some((path, dir)) = found.get(next).cloned() {
            next += 1;
            if self.inodes[dir].is_dir {
                let inside = self.names_in(dir).into_iter();
                found.extend(inside.map(|name| (path.join(&name), self.names[&(dir, name)])));
            }
        }
        found
    }

    /// Return a hash of all that a process can see.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for (path, inode) in self.tree() {
            path.hash(&mut hasher);
            self.inodes[inode].data.hash(&mut hasher);
        }
        hasher.finish()
    }
}

fn set(names: &mut BTreeMap<Place, usize>, place: &Place, inode: Option<usize>) {
    match inode {
        Some(inode) => drop(names.insert(place.clone(), inode)),
        None => drop(names.remove(place)),
    }
}
