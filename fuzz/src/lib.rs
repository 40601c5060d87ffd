//! What the targets share: the tests' forge, a broker for the authorizer, and an
//! allocator that counts.
#![allow(missing_docs)]

#[path = "../../tests/support/forge.rs"]
pub mod forge;
pub mod keys_only;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Counts the bytes in use, and the most that were.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        MOST.fetch_max(IN_USE.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs it, and fails where it had more memory in use than `fixed` bytes and
/// `each` for every byte of input.
pub fn within<T>(input: usize, each: usize, fixed: usize, run: impl FnOnce() -> T) -> T {
    let before = IN_USE.load(Relaxed);
    MOST.store(before, Relaxed);
    let result = run();
    let most = MOST.load(Relaxed) - before;
    let cap = fixed + each * input;
    assert!(most <= cap, "{most} bytes in use for {input} bytes of input; the cap is {cap}");
    result
}
