//! RSA-OAEP (RFC 8017, 7.1) with one hash function for the label and the same or another
//! one for the mask, without a label.
//!
//! `aws-lc-rs` offers the pairs in which both are the same. XML Encryption has the others
//! too, and in its older algorithm only them: `rsa-oaep-mgf1p` fixes the mask to SHA-1
//! whatever the digest is (XML Encryption 1.1, 5.5.2). This crate is the one place of
//! the project with `unsafe`: calls of AWS-LC's functions `EVP_PKEY_…`, as `aws-lc-rs`
//! makes them, with two settings that it does not expose. It reads no key that is not RSA,
//! and tells no failure from another.

use aws_lc_sys as lc;
use std::ptr::{NonNull, null_mut};

/// The hash functions of OAEP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// SHA-1, which is not broken in this use: neither label nor mask needs collisions to
    /// be hard to find.
    Sha1,
    /// SHA-256
    Sha256,
    /// SHA-384
    Sha384,
    /// SHA-512
    Sha512,
}

/// The two hash functions of one encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Oaep {
    /// Of the label, which is empty.
    pub digest: Hash,
    /// Of the mask generation function MGF1.
    pub mask: Hash,
}

/// An RSA key, private or public. Wiped by AWS-LC when it is dropped.
pub struct RsaKey(NonNull<lc::EVP_PKEY>);

// SAFETY: an EVP_PKEY may be "used concurrently on multiple threads by non-mutating
// functions, provided no other thread is concurrently calling a mutating function" (AWS-LC,
// evp.h). All that is called here is non-mutating for thread safety, its reference count is
// atomic, and nothing outside has the pointer.
unsafe impl Send for RsaKey {}
// SAFETY: as above.
unsafe impl Sync for RsaKey {}

impl RsaKey {
    /// A private key: PKCS #8 in DER (RFC 5208, 5). `None` for everything else.
    pub fn from_pkcs8(der: &[u8]) -> Option<Self> {
        Self::parse(der, lc::EVP_parse_private_key)
    }

    /// A public key: a SubjectPublicKeyInfo in DER (RFC 5280, 4.1.2.7).
    pub fn from_public_key(der: &[u8]) -> Option<Self> {
        Self::parse(der, lc::EVP_parse_public_key)
    }

    fn parse(der: &[u8], parse: unsafe extern "C" fn(*mut lc::CBS) -> *mut lc::EVP_PKEY) -> Option<Self> {
        let mut cbs = lc::CBS { data: der.as_ptr(), len: der.len() };
        // SAFETY: `cbs` spans `der`, which outlives the call; the function only reads it.
        let key = Self(NonNull::new(unsafe { parse(&raw mut cbs) })?);
        // SAFETY: the key is not null, and lives.
        let is_rsa = unsafe { lc::EVP_PKEY_id(key.0.as_ptr()) } == lc::EVP_PKEY_RSA;
        // What follows the key would be ignored.
        (is_rsa && cbs.len == 0).then_some(key)
    }

    /// The size of the modulus, and of every ciphertext, in bytes.
    pub fn size(&self) -> usize {
        // SAFETY: the key is not null, and lives.
        usize::try_from(unsafe { lc::EVP_PKEY_size(self.0.as_ptr()) }).unwrap_or_default()
    }

    /// Decrypts into the buffer, which must be as long as [`size`](Self::size). Returns the
    /// length of the plaintext. `None`, whatever is wrong.
    pub fn decrypt(&self, oaep: Oaep, ciphertext: &[u8], buffer: &mut [u8]) -> Option<usize> {
        self.run(
            Context::new(self, lc::EVP_PKEY_decrypt_init, oaep),
            lc::EVP_PKEY_decrypt,
            ciphertext,
            buffer,
        )
    }

    /// Encrypts into the buffer, which must be as long as [`size`](Self::size).
    pub fn encrypt(&self, oaep: Oaep, plaintext: &[u8], buffer: &mut [u8]) -> Option<usize> {
        self.run(Context::new(self, lc::EVP_PKEY_encrypt_init, oaep), lc::EVP_PKEY_encrypt, plaintext, buffer)
    }

    fn run(
        &self,
        context: Option<Context>,
        operation: Operation,
        input: &[u8],
        output: &mut [u8],
    ) -> Option<usize> {
        let fits = output.len() >= self.size();
        let outcome = context.filter(|_| fits).and_then(|context| context.run(operation, input, output));
        // SAFETY: clears the thread's own queue of errors, to which a failure adds.
        unsafe { lc::ERR_clear_error() };
        outcome
    }
}

impl Drop for RsaKey {
    fn drop(&mut self) {
        // SAFETY: this is the only reference, made by `parse`.
        unsafe { lc::EVP_PKEY_free(self.0.as_ptr()) };
    }
}

type Init = unsafe extern "C" fn(*mut lc::EVP_PKEY_CTX) -> i32;
type Operation = unsafe extern "C" fn(*mut lc::EVP_PKEY_CTX, *mut u8, *mut usize, *const u8, usize) -> i32;

/// One operation with a key.
struct Context(NonNull<lc::EVP_PKEY_CTX>);

impl Context {
    fn new(key: &RsaKey, init: Init, oaep: Oaep) -> Option<Self> {
        // SAFETY: the key lives; the context takes a reference of its own. The key is not
        // changed: a context only reads it.
        let this = Self(NonNull::new(unsafe { lc::EVP_PKEY_CTX_new(key.0.as_ptr(), null_mut()) })?);
        let context = this.0.as_ptr();
        // SAFETY: the context lives and is used by this thread alone; `init` is one of AWS-LC's.
        succeeded(unsafe { init(context) })?;
        // SAFETY: the context lives, and has been initialized.
        succeeded(unsafe { lc::EVP_PKEY_CTX_set_rsa_padding(context, lc::RSA_PKCS1_OAEP_PADDING) })?;
        // SAFETY: as above; what `md` returns is static.
        succeeded(unsafe { lc::EVP_PKEY_CTX_set_rsa_oaep_md(context, md(oaep.digest)) })?;
        // SAFETY: as above.
        succeeded(unsafe { lc::EVP_PKEY_CTX_set_rsa_mgf1_md(context, md(oaep.mask)) })?;
        Some(this)
    }

    fn run(&self, operation: Operation, input: &[u8], output: &mut [u8]) -> Option<usize> {
        let mut length = output.len();
        let (from, to) = (input.as_ptr(), output.as_mut_ptr());
        // SAFETY: the context has been set up; `from` and `to` are valid for the lengths
        // given. The function writes at most `length` bytes, and refuses if that is less
        // than the key's size.
        succeeded(unsafe { operation(self.0.as_ptr(), to, &raw mut length, from, input.len()) })?;
        Some(length)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: made by `new`, and freed once.
        unsafe { lc::EVP_PKEY_CTX_free(self.0.as_ptr()) };
    }
}

fn succeeded(code: i32) -> Option<()> {
    (code == 1).then_some(())
}

fn md(hash: Hash) -> *const lc::EVP_MD {
    match hash {
        // SAFETY: returns a static object, and takes nothing. So do the others.
        Hash::Sha1 => unsafe { lc::EVP_sha1() },
        // SAFETY: as above.
        Hash::Sha256 => unsafe { lc::EVP_sha256() },
        // SAFETY: as above.
        Hash::Sha384 => unsafe { lc::EVP_sha384() },
        // SAFETY: as above.
        Hash::Sha512 => unsafe { lc::EVP_sha512() },
    }
}
