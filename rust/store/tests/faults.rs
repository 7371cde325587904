//! Every call to the file system fails once, in each way it can: nothing acknowledged is lost, and the writer goes on.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod memory_fs;
mod rows;
mod simulation;

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use memory_fs::{Crash, Failure, Fault, MemoryFs};
use rows::{open, options, store};
use simulation::{Disk, ROOT, check_after_recovery, decode, salt_of, step_of, visible};
use twogrpo_store::{StoreError, Writer, WriterOptions};

const EIO: ErrorKind = ErrorKind::Other;
const FULL: ErrorKind = ErrorKind::StorageFull;
const FAILURES: [(Failure, bool); 6] = [
    (Failure::Refused(EIO), false),
    (Failure::Refused(FULL), false),
    (Failure::Refused(FULL), true),
    (Failure::Short(FULL), false),
    (Failure::Short(EIO), false),
    (Failure::Done(EIO), false),
];

fn disk(memory: &MemoryFs) -> Disk {
    Arc::new(memory.clone())
}

/// A store with steps 0, 1, ..., all on the disk.
fn settled(steps: i32) -> MemoryFs {
    let memory = MemoryFs::default();
    let writer = open(&disk(&memory), Path::new(ROOT)).unwrap();
    (0..steps).for_each(|step| store(&writer, step, step).unwrap());
    writer.close().unwrap();
    memory.crashed(Crash::Killed)
}

/// What came of a session in which one call has failed.
#[derive(Default)]
struct Session {
    acknowledged: BTreeSet<i32>,
    errors: Vec<StoreError>,
    has_opened: bool,
}

/// Open, append steps 1 and 2 with one repetition each after an error, and close.
fn session(memory: &MemoryFs) -> Session {
    let mut session = Session::default();
    let writer = match open(&disk(memory), Path::new(ROOT)) {
        Ok(writer) => writer,
        Err(error) => {
            session.errors.push(error);
            return session;
        }
    };
    session.has_opened = true;
    for step in 1..3 {
        for _ in 0..2 {
            match store(&writer, step, step) {
                Ok(()) => {
                    session.acknowledged.insert(step);
                    break;
                }
                Err(error) => session.errors.push(error),
            }
        }
    }
    session.errors.extend(writer.close().err());
    session
}

/// Run once for each call and each way in which it can fail, and judge what came of it when nothing fails any more.
///
/// `judge` gets the disk, what `run` has returned, whether all later calls have failed too, and a name for the case.
fn fail_every_call<T>(
    before: &MemoryFs,
    run: impl Fn(&MemoryFs) -> T,
    mut judge: impl FnMut(&MemoryFs, T, bool, &str),
) {
    let memory = before.crashed(Crash::Killed);
    run(&memory);
    let calls = memory.calls();
    for at in 1..=calls {
        for (failure, lasts) in FAILURES {
            let memory = before.crashed(Crash::Killed);
            memory.fail(Some(Fault { at, failure, lasts }));
            let result = run(&memory);
            memory.fail(None);
            judge(
                &memory,
                result,
                lasts,
                &format!("call {at} of {calls}, {failure:?}, lasting {lasts}"),
            );
        }
    }
}

fn assert_clear(error: &StoreError, case: &str) {
    let text = error.to_string();
    assert!(matches!(error, StoreError::Io { .. }), "{case}: {text}");
    assert!(!text.contains('\n') && text.starts_with("cannot "), "{case}: {text}");
}

/// Assert that what stands after a crash holds every acknowledged step, and takes all of them again.
fn assert_recovers(memory: &MemoryFs, acknowledged: &BTreeSet<i32>, case: &str) {
    for crash in [Crash::Killed, Crash::PowerLost] {
        let disk: Disk = Arc::new(memory.crashed(crash));
        let found = visible(&disk).unwrap_or_else(|error| panic!("{case}, {crash:?}: {error}"));
        let steps: BTreeSet<i32> = found.keys().map(|file| step_of(file)).collect();
        assert!(
            acknowledged.is_subset(&steps),
            "{case}, {crash:?}: {acknowledged:?} of {steps:?}"
        );
        let writer = open(&disk, Path::new(ROOT)).unwrap_or_else(|error| panic!("{case}, {crash:?}: {error}"));
        assert_eq!(writer.recovery().quarantined, Vec::<String>::new(), "{case}, {crash:?}");
        for step in 0..3 {
            store(&writer, step, step).unwrap_or_else(|error| panic!("{case}, {crash:?}: {error}"));
        }
        writer.close().unwrap();
        check_after_recovery(&disk).unwrap_or_else(|error| panic!("{case}, {crash:?}: {error}"));
        for file in visible(&disk).unwrap().keys() {
            let rows = decode(&disk, &Path::new(ROOT).join("run=r").join(file)).unwrap();
            assert_eq!(salt_of(&rows), step_of(file), "{case}, {crash:?}");
        }
    }
}

/// Return how many sessions have met an error.
fn fail_every_session(before: &MemoryFs, acknowledged_before: &BTreeSet<i32>) -> usize {
    let mut failed = 0;
    fail_every_call(before, session, |memory, session, lasts, case| {
        for error in &session.errors {
            assert_clear(error, case);
        }
        if session.has_opened && !lasts {
            let acknowledged = BTreeSet::from([1, 2]);
            assert_eq!(session.acknowledged, acknowledged, "{case}: {:?}", session.errors);
        }
        assert_eq!(memory.misused(), Vec::<String>::new(), "{case}");
        failed += usize::from(!session.errors.is_empty());
        assert_recovers(memory, &(acknowledged_before | &session.acknowledged), case);
    });
    failed
}

#[test]
fn a_failing_call_of_open_append_flush_or_close_loses_nothing() {
    let failed = fail_every_session(&settled(1), &BTreeSet::from([0]));
    println!("{failed} sessions have met an error");
    assert!(failed > 100, "only {failed} sessions have met an error");
}

#[test]
fn a_failing_call_of_the_first_open_leaves_a_folder_that_opens() {
    let failed = fail_every_session(&MemoryFs::default(), &BTreeSet::new());
    assert!(failed > 100, "only {failed} sessions have met an error");
}

#[test]
fn a_failing_call_of_a_resume_loses_nothing_and_the_resume_can_be_repeated() {
    let before = settled(4);
    let resume = |memory: &MemoryFs| {
        let options = WriterOptions {
            resume_step: Some(1),
            ..options(Path::new(ROOT))
        };
        Writer::open(disk(memory), options)
    };
    let mut failed = 0;
    fail_every_call(
        &before,
        |memory| resume(memory).err(),
        |memory, error, _, case| {
            if let Some(error) = error {
                assert_clear(&error, case);
                failed += 1;
            }
            for crash in [Crash::Killed, Crash::PowerLost] {
                let memory = memory.crashed(crash);
                let writer = resume(&memory).unwrap_or_else(|error| panic!("{case}: {error}"));
                assert_eq!(writer.attempt(), 2, "{case}");
                drop(writer);
                let found = visible(&disk(&memory)).unwrap();
                let kept: Vec<i32> = found.keys().map(|file| step_of(file)).collect();
                assert_eq!(kept, [0, 1], "{case}");
                check_after_recovery(&disk(&memory)).unwrap_or_else(|error| panic!("{case}: {error}"));
            }
        },
    );
    assert!(failed > 100, "only {failed} resumes have failed");
}

#[test]
fn a_full_disk_says_what_to_do() {
    let memory = settled(1);
    let writer = open(&disk(&memory), Path::new(ROOT)).unwrap();
    memory.fail(Some(Fault {
        at: memory.calls() + 1,
        failure: Failure::Refused(FULL),
        lasts: true,
    }));
    let error = store(&writer, 1, 1).unwrap_err().to_string();
    assert!(error.contains("free some space and go on"), "{error}");
    memory.fail(None);
    store(&writer, 1, 1).unwrap();
}
