//! In: an authority, a client's certificate, and the name that the server must have. Out: a TLS client that checks both,
//! without which a proof of encryption proves nothing.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion};

use super::wire::NoAnswer;

/// A certificate and its key, as PEM.
#[derive(Clone, Copy)]
pub struct Identity<'pem> {
    /// The certificate, and those of authorities between, if there are any.
    pub certificate: &'pem [u8],
    /// Its key.
    pub key: &'pem [u8],
}

/// How to shake hands.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Tls {
    /// Trusts this authority only (PEM), shows this certificate, and expects a server of this name or address.
    ///
    /// # Errors
    /// Something is not what it should be, with the reason.
    pub fn new(authority: &[u8], identity: Option<Identity<'_>>, name: &str) -> Result<Tls, String> {
        Tls::with_versions(authority, identity, name, rustls::ALL_VERSIONS)
    }

    /// The same, with these protocol versions only.
    ///
    /// # Errors
    /// Something is not what it should be, with the reason.
    pub fn with_versions(
        authority: &[u8],
        identity: Option<Identity<'_>>,
        name: &str,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Result<Tls, String> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(authority)? {
            roots.add(certificate).map_err(|error| format!("the authority: {error}"))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map_err(|error| format!("the authority: {error}"))?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(|error| error.to_string())?
            .with_webpki_verifier(verifier);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let key = PrivateKeyDer::from_pem_slice(identity.key).map_err(|error| format!("the key: {error}"))?;
                builder
                    .with_client_auth_cert(certificates(identity.certificate)?, key)
                    .map_err(|error| format!("the client's certificate: {error}"))?
            }
        };
        let name = ServerName::try_from(name.to_owned()).map_err(|_| format!("`{name}` is no name of a server"))?;
        Ok(Tls { config: Arc::new(config), name })
    }

    /// The same client, which expects another name.
    ///
    /// # Errors
    /// It is no name.
    pub fn named(&self, name: &str) -> Result<Tls, String> {
        let name = ServerName::try_from(name.to_owned()).map_err(|_| format!("`{name}` is no name of a server"))?;
        Ok(Tls { config: Arc::clone(&self.config), name })
    }

    /// A connection that has not shaken hands yet.
    pub(super) fn client(&self) -> Result<ClientConnection, NoAnswer> {
        ClientConnection::new(Arc::clone(&self.config), self.name.clone()).map_err(|error| NoAnswer(error.to_string()))
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| format!("a certificate: {error}"))?;
    if certificates.is_empty() { Err("no certificate".to_owned()) } else { Ok(certificates) }
}
