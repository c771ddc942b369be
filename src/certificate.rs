//! X.509: makes the authority and the certificates it signs, and reads existing ones back before they are
//! kept. The judge is `openssl verify -x509_strict` and a real handshake, in the tests.

use std::net::IpAddr;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType, SerialNumber,
};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};
use zeroize::Zeroizing;

use crate::format::Duration;
use crate::profile::KeyKind;

/// A certificate and its key, both PEM.
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// The private key, PKCS#8.
    pub key: Zeroizing<String>,
}

/// What a leaf is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A server proves itself.
    Server,
    /// A client proves itself.
    Client,
}

/// When a certificate is valid and of which kind its key is.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// The moment of issue.
    pub now: OffsetDateTime,
    /// How long from then.
    pub validity: Duration,
    /// Kind of the key.
    pub key: KeyKind,
}

/// 2026-01-01, in seconds since 1970. Before it there was no redisgen: a clock that says so is wrong. Many start in 1970.
const EARLIEST: i64 = 1_767_225_600;

fn failed(error: impl std::fmt::Display) -> String {
    format!("certificate: {error}")
}

/// Parameters that all our certificates share. rcgen's own defaults are valid from 1975 to 4096, with a
/// serial that repeats with the key.
fn params(common_name: &str, terms: &Terms) -> Result<CertificateParams, String> {
    if terms.now.unix_timestamp() < EARLIEST {
        return Err(format!(
            "the clock of this machine says {}: set it first, or the certificates have ended already",
            terms.now.date()
        ));
    }
    let mut params = CertificateParams::new(Vec::new()).map_err(failed)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    // An hour of backdating, for clocks that are behind.
    params.not_before = terms.now - time::Duration::HOUR;
    let validity = time::Duration::milliseconds(i64::try_from(terms.validity.0).map_err(failed)?);
    params.not_after = terms.now.checked_add(validity).ok_or("certificate: its end is beyond the calendar")?;
    let mut serial = [0_u8; 16];
    crate::random(&mut serial)?;
    // RFC 5280: positive, at most 20 octets; the first octet is kept from being 0 or negative.
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// A private key that is here.
///
/// # Errors
/// It has no form that we read; the message says how to convert it, and never shows it.
pub fn read_key(pem: &str) -> Result<KeyPair, String> {
    const CONVERT: &str = "convert it: openssl pkcs8 -topk8 -nocrypt -in OLD -out NEW";
    // The library wants some to read a key, and would call the key damaged where the system gives none.
    crate::random(&mut [0])?;
    // ring reads PKCS#8 only.
    let form = [
        ("BEGIN RSA PRIVATE KEY", "an RSA key in PKCS#1 form"),
        ("BEGIN EC PRIVATE KEY", "a key in SEC1 form"),
        ("BEGIN ENCRYPTED PRIVATE KEY", "an encrypted key, which the server could not read either"),
    ];
    if let Some((_, what)) = form.into_iter().find(|(mark, _)| pem.contains(mark)) {
        return Err(format!("{what}; {CONVERT}"));
    }
    KeyPair::from_pem(pem).map_err(|_| {
        "no private key that redisgen reads: PKCS#8 in PEM, ECDSA P-256 or P-384, Ed25519, or RSA from 2048 bits on"
            .to_owned()
    })
}

/// The kind of a key, if it is one that profiles name.
pub fn kind(key: &KeyPair) -> Option<KeyKind> {
    let algorithm = key.algorithm();
    [
        (&rcgen::PKCS_ECDSA_P256_SHA256, KeyKind::EcdsaP256),
        (&rcgen::PKCS_ECDSA_P384_SHA384, KeyKind::EcdsaP384),
        (&rcgen::PKCS_ED25519, KeyKind::Ed25519),
    ]
    .into_iter()
    .find_map(|(known, kind)| (known == algorithm).then_some(kind))
}

fn new_key(kind: KeyKind) -> Result<(KeyPair, Zeroizing<String>), String> {
    let algorithm = match kind {
        KeyKind::EcdsaP256 => &rcgen::PKCS_ECDSA_P256_SHA256,
        KeyKind::EcdsaP384 => &rcgen::PKCS_ECDSA_P384_SHA384,
        KeyKind::Ed25519 => &rcgen::PKCS_ED25519,
    };
    let key = KeyPair::generate_for(algorithm).map_err(failed)?;
    let pem = match kind {
        KeyKind::Ed25519 => ed25519_pem(&key)?,
        _ => Zeroizing::new(key.serialize_pem()),
    };
    Ok((key, pem))
}

/// OpenSSL before 3.5 does not read the PKCS#8 version 2 that ring writes for Ed25519 (measured with
/// redis-server on 3.0): the seed is wrapped again as version 1.
fn ed25519_pem(key: &KeyPair) -> Result<Zeroizing<String>, String> {
    const PREFIX: [u8; 16] =
        [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    let der = Zeroizing::new(key.serialize_der());
    let seed = der.get(16..48).ok_or("certificate: an Ed25519 key of unknown form")?;
    let wrapped: Zeroizing<Vec<u8>> = Zeroizing::new(PREFIX.iter().chain(seed).copied().collect());
    Ok(Zeroizing::new(pem("PRIVATE KEY", &wrapped)))
}

fn pem(label: &str, der: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut base64 = String::new();
    for chunk in der.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let index = (bits >> (18 - 6 * place) & 63) as usize;
            let sign = ALPHABET.get(index).copied().unwrap_or(b'A');
            base64.push(if place <= chunk.len() { char::from(sign) } else { '=' });
        }
    }
    let lines: Vec<&str> = base64.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// Makes an authority that signs leaves only.
///
/// # Errors
/// No randomness, or a validity beyond what X.509 can say.
pub fn authority(common_name: &str, terms: &Terms) -> Result<Pair, String> {
    let (key, key_pem) = new_key(terms.key)?;
    Ok(Pair { certificate: self_signed(common_name, &key, terms)?, key: key_pem })
}

/// Makes the certificate of an authority whose key exists. What that key signed stays good.
///
/// # Errors
/// The key is none.
pub fn authority_again(common_name: &str, key_pem: Zeroizing<String>, terms: &Terms) -> Result<Pair, String> {
    let key = read_key(&key_pem)?;
    Ok(Pair { certificate: self_signed(common_name, &key, terms)?, key: key_pem })
}

fn self_signed(common_name: &str, key: &KeyPair, terms: &Terms) -> Result<String, String> {
    let mut params = params(common_name, terms)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params.self_signed(key).map_err(failed)?.pem())
}

/// Makes a leaf that the authority signs, for a new key or for one that is here; it never outlives the authority.
///
/// # Errors
/// The authority cannot sign, the key is none, or a name is no name.
pub fn leaf(
    authority: &Pair,
    common_name: &str,
    names: &[String],
    purpose: Purpose,
    terms: &Terms,
    key: Option<Zeroizing<String>>,
) -> Result<Pair, String> {
    let (key, key_pem) = match key {
        Some(pem) => (read_key(&pem)?, pem),
        None => new_key(terms.key)?,
    };
    let mut params = params(common_name, terms)?;
    params.not_after = params.not_after.min(Certificate::parse(&authority.certificate)?.not_after);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![match purpose {
        Purpose::Server => ExtendedKeyUsagePurpose::ServerAuth,
        Purpose::Client => ExtendedKeyUsagePurpose::ClientAuth,
    }];
    for name in names {
        params.subject_alt_names.push(match name.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(name.as_str().try_into().map_err(failed)?),
        });
    }
    let signing_key = read_key(&authority.key)?;
    let issuer = Issuer::from_ca_cert_pem(&authority.certificate, signing_key).map_err(failed)?;
    let certificate = params.signed_by(&key, &issuer).map_err(failed)?;
    Ok(Pair { certificate: certificate.pem(), key: key_pem })
}

/// An existing certificate, as far as we judge it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    /// Who it is, as its common name.
    pub subject: String,
    /// First moment of validity.
    pub not_before: OffsetDateTime,
    /// Last moment of validity.
    pub not_after: OffsetDateTime,
    /// It may sign others.
    pub is_authority: bool,
    /// DNS names and addresses, sorted.
    pub names: Vec<String>,
    public_key: Vec<u8>,
}

impl Certificate {
    /// Reads the first certificate of a PEM text.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Certificate, String> {
        Certificate::from_der(&Certificate::der(text.as_bytes())?)
    }

    /// The first certificate of a PEM text, as DER.
    ///
    /// # Errors
    /// It is none.
    pub fn der(text: &[u8]) -> Result<Vec<u8>, String> {
        let (_, block) = x509_parser::pem::parse_x509_pem(text).map_err(|_| "not a PEM certificate".to_owned())?;
        Ok(block.contents)
    }

    /// Reads all certificates of a PEM text, in order; at least one.
    ///
    /// # Errors
    /// There is none, or one of them is damaged.
    pub fn parse_all(text: &str) -> Result<Vec<(Certificate, String)>, String> {
        let mut all = Vec::new();
        for block in x509_parser::pem::Pem::iter_from_buffer(text.as_bytes()) {
            let block = block.map_err(|_| "not a PEM certificate".to_owned())?;
            all.push((Certificate::from_der(&block.contents)?, pem("CERTIFICATE", &block.contents)));
        }
        if all.is_empty() { Err("not a PEM certificate".to_owned()) } else { Ok(all) }
    }

    /// Reads a certificate as it travels in a handshake.
    ///
    /// # Errors
    /// It is none.
    pub fn from_der(der: &[u8]) -> Result<Certificate, String> {
        let (_, parsed) = X509Certificate::from_der(der).map_err(|_| "not an X.509 certificate".to_owned())?;
        let mut names = Vec::new();
        if let Ok(Some(extension)) = parsed.subject_alternative_name() {
            names.extend(extension.value.general_names.iter().filter_map(alternative_name));
        }
        names.sort();
        let subject =
            parsed.subject().iter_common_name().next().and_then(|name| name.as_str().ok()).unwrap_or_default();
        Ok(Certificate {
            subject: subject.to_owned(),
            not_before: parsed.validity().not_before.to_datetime(),
            not_after: parsed.validity().not_after.to_datetime(),
            is_authority: parsed.is_ca()
                && parsed.key_usage().is_ok_and(|usage| usage.is_none_or(|usage| usage.value.key_cert_sign())),
            names,
            public_key: parsed.public_key().subject_public_key.data.to_vec(),
            der: der.to_vec(),
        })
    }

    /// True if the private key belongs to this certificate.
    pub fn belongs_to(&self, key: &KeyPair) -> bool {
        key.public_key_raw() == self.public_key
    }

    /// True if the authority signed this certificate.
    pub fn signed_by(&self, authority: &Certificate) -> bool {
        let (Ok((_, leaf)), Ok((_, issuer))) =
            (X509Certificate::from_der(&self.der), X509Certificate::from_der(&authority.der))
        else {
            return false;
        };
        leaf.verify_signature(Some(issuer.public_key())).is_ok()
    }
}

fn alternative_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => <[u8; 4]>::try_from(*bytes)
            .map(|octets| IpAddr::from(octets).to_string())
            .or_else(|_| <[u8; 16]>::try_from(*bytes).map(|octets| IpAddr::from(octets).to_string()))
            .ok(),
        _ => None,
    }
}
