//! The entry point, the allocator, and regular expressions.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ffi::CString;
#[cfg(not(test))]
use std::ffi::{CStr, c_char, c_int};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

#[cfg(not(test))]
unsafe extern "C" {
    static environ: *const *const c_char;
}

/// Started by the C library, not by Rust's runtime: that would make a dozen system calls to prepare
/// for threads and panics, and would ignore SIGPIPE, which an `execve` hands on.
// SAFETY: the one definition of `main` in the program, with C's signature.
#[cfg(not(test))]
#[unsafe(no_mangle)]
extern "C" fn main(_argc: c_int, argv: *const *const c_char) -> c_int {
    // SAFETY: the C library passes arrays of C strings that end in a null pointer and live as long
    // as the process; nobody changes the environment (there is no call of setenv in the program).
    let (argv, env) = unsafe { (strings(argv), strings(environ)) };
    crate::start(argv, env)
}

#[cfg(not(test))]
/// Copies a list of C strings that ends in a null pointer.
unsafe fn strings(mut list: *const *const c_char) -> Vec<CString> {
    let mut copies = Vec::with_capacity(16);
    // SAFETY: the caller vouches for the list.
    unsafe {
        while !list.is_null() && !(*list).is_null() {
            copies.push(CStr::from_ptr(*list).to_owned());
            list = list.add(1);
        }
    }
    copies
}

/// Writes to stderr; a reader that went away is an error, and no SIGPIPE ends this process in the
/// middle of its work.
pub fn write_to_stderr(text: &[u8]) -> std::io::Result<()> {
    // SAFETY: SIG_IGN runs no code, and what was there before is put back.
    let before = unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    let written = std::io::Write::write_all(&mut std::io::stderr(), text);
    // SAFETY: `before` is a disposition that the kernel gave.
    unsafe { libc::signal(libc::SIGPIPE, before) };
    written
}

/// Memory of which little is given back: most commands end long before it is full.
///
/// Untouched pages cost nothing. Parsing a configuration takes 0.08 ms with it, 0.19 with musl's
/// allocator.
const ARENA: usize = 1 << 20;
/// Pieces are as long as a multiple of this.
const GRAIN: usize = 16;
/// Freed pieces of so many lengths are kept for the next one that is as long: `list` of a thousand
/// containers stays on a few pages, and is a third faster.
const LENGTHS: usize = 256;

/// Takes from the arena, then from the system. For a program with one thread.
pub struct Bump {
    arena: UnsafeCell<Arena>,
    used: AtomicUsize,
    /// By length in grains, the last piece that was freed; its first word is the one before.
    freed: [AtomicPtr<u8>; LENGTHS],
}

#[repr(C, align(16))]
struct Arena([u8; ARENA]);

// SAFETY: this program never has a second thread: it makes processes, and its crates none either.
unsafe impl Sync for Bump {}

/// The length of a piece, for what is aligned to a grain at the most.
fn length(layout: Layout) -> usize {
    layout.size().next_multiple_of(GRAIN).max(GRAIN)
}

impl Bump {
    /// An empty arena.
    pub const fn new() -> Bump {
        Bump {
            arena: UnsafeCell::new(Arena([0; ARENA])),
            used: AtomicUsize::new(0),
            freed: [const { AtomicPtr::new(ptr::null_mut()) }; LENGTHS],
        }
    }

    fn base(&self) -> *mut u8 {
        self.arena.get().cast()
    }

    fn owns(&self, pointer: *mut u8) -> bool {
        (pointer as usize).wrapping_sub(self.base() as usize) < ARENA
    }

    /// Where freed pieces of this length are kept.
    fn shelf(&self, length: usize) -> Option<&AtomicPtr<u8>> {
        self.freed.get(length / GRAIN - 1)
    }

    /// A piece that was freed.
    fn take_freed(&self, length: usize) -> Option<*mut u8> {
        let shelf = self.shelf(length)?;
        let piece = shelf.load(Ordering::Relaxed);
        if piece.is_null() {
            return None;
        }
        // SAFETY: the piece was freed, is aligned, and holds the one before in its first word.
        shelf.store(unsafe { piece.cast::<*mut u8>().read() }, Ordering::Relaxed);
        Some(piece)
    }

    /// A piece that nobody had before: all zero.
    fn take_new(&self, length: usize) -> Option<*mut u8> {
        let used = self.used.load(Ordering::Relaxed);
        if length > ARENA - used {
            return None;
        }
        self.used.store(used + length, Ordering::Relaxed);
        // SAFETY: used + length <= ARENA was checked above.
        Some(unsafe { self.base().add(used) })
    }
}

// SAFETY: `alloc` returns memory of the arena that is aligned and long enough, and was never handed
// out or was freed, or the system's. `dealloc` and `realloc` tell the two apart by address.
unsafe impl GlobalAlloc for Bump {
    #[inline(never)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let length = length(layout);
        let small = layout.align() <= GRAIN;
        let piece = small.then(|| self.take_freed(length).or_else(|| self.take_new(length)));
        // SAFETY: the caller's promises about the layout are handed on.
        piece.flatten().unwrap_or_else(|| unsafe { System.alloc(layout) })
    }

    /// Leaves what nobody had before untouched: a buffer for the longest message takes a page.
    #[inline(never)]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let length = length(layout);
        let small = layout.align() <= GRAIN;
        if let Some(piece) = small.then(|| self.take_freed(length)).flatten() {
            // SAFETY: the piece is that long, and nobody's.
            unsafe { ptr::write_bytes(piece, 0, layout.size()) };
            return piece;
        }
        let piece = small.then(|| self.take_new(length)).flatten();
        // SAFETY: the caller's promises about the layout are handed on.
        piece.unwrap_or_else(|| unsafe { System.alloc_zeroed(layout) })
    }

    #[inline(never)]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if !self.owns(pointer) {
            // SAFETY: not from the arena, so it is the system's.
            return unsafe { System.dealloc(pointer, layout) };
        }
        if let Some(shelf) = self.shelf(length(layout)) {
            let before = shelf.load(Ordering::Relaxed);
            // SAFETY: the piece is the caller's to give, at least a grain long and aligned to it.
            unsafe { pointer.cast::<*mut u8>().write(before) };
            shelf.store(pointer, Ordering::Relaxed);
        }
    }

    #[inline(never)]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !self.owns(pointer) {
            // SAFETY: not from the arena, so it is the system's.
            return unsafe { System.realloc(pointer, layout, size) };
        }
        // SAFETY: size and alignment are the caller's, who promises that they make a layout.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        let (before, after) = (length(layout), length(wanted));
        if after <= before {
            return pointer;
        }
        let start = pointer as usize - self.base() as usize;
        // The last piece grows where it is.
        if start + before == self.used.load(Ordering::Relaxed) && after <= ARENA - start {
            self.used.store(start + after, Ordering::Relaxed);
            return pointer;
        }
        // SAFETY: `wanted` is a layout.
        let new = unsafe { self.alloc(wanted) };
        if !new.is_null() {
            // SAFETY: both are valid for the smaller of the two sizes, and the new one is fresh or
            // was freed; the old one is the caller's to give.
            unsafe {
                ptr::copy_nonoverlapping(pointer, new, layout.size().min(size));
                self.dealloc(pointer, layout);
            }
        }
        new
    }
}

/// An extended regular expression (`regcomp(3)`): crun's `--regex` are the C library's.
pub struct Pattern(libc::regex_t);

impl Pattern {
    /// Compiles it; none if it is not one.
    pub fn new(text: &str) -> Option<Pattern> {
        let text = CString::new(text).ok()?;
        let mut compiled = MaybeUninit::<libc::regex_t>::uninit();
        let flags = libc::REG_EXTENDED | libc::REG_NOSUB;
        // SAFETY: both pointers are valid; the result is only taken as initialized after success.
        unsafe {
            let status = libc::regcomp(compiled.as_mut_ptr(), text.as_ptr(), flags);
            (status == 0).then(|| Pattern(compiled.assume_init()))
        }
    }

    /// Whether it matches anywhere in the text.
    pub fn matches(&self, text: &str) -> bool {
        let Ok(text) = CString::new(text) else { return false };
        // SAFETY: the expression was compiled, the text is a C string, and no places are asked for.
        unsafe { libc::regexec(&self.0, text.as_ptr(), 0, ptr::null_mut(), 0) == 0 }
    }
}

impl Drop for Pattern {
    fn drop(&mut self) {
        // SAFETY: compiled by `new`, and freed once.
        unsafe { libc::regfree(&mut self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_extended() {
        let pattern = Pattern::new("^web-(1|2)+$").unwrap();
        assert!(pattern.matches("web-1") && pattern.matches("web-12"));
        assert!(!pattern.matches("web-3") && !pattern.matches("a-web-1"));
        assert!(Pattern::new("b").unwrap().matches("abc"));
        assert!(Pattern::new("(").is_none());
    }
}
