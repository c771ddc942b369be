//! Controls that rules and the checklist map to: the number that the regime gives, and what it asks, in our words. A
//! mapping says which control something serves; it is no statement that anybody meets it.
//!
//! Numbers were compared with NIST SP 800-53 revision 5, Regulation (EU) 2016/679, 45 CFR Part 164 and PCI DSS 4.0.1.

use crate::profile::Regime;

/// Whose control it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Framework {
    /// NIST SP 800-53 revision 5, which other regimes are often mapped to.
    Nist,
    /// A regime that a profile can name in `compliance`.
    Regime(Regime),
}

impl Framework {
    /// Its usual name.
    pub const fn name(self) -> &'static str {
        match self {
            Framework::Nist => "NIST SP 800-53",
            Framework::Regime(Regime::Gdpr) => "GDPR",
            Framework::Regime(Regime::Hipaa) => "HIPAA",
            Framework::Regime(Regime::PciDss) => "PCI DSS 4.0.1",
        }
    }
}

/// A control.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Control {
    /// Whose it is.
    pub framework: Framework,
    /// Its number there.
    pub id: &'static str,
    /// What it asks for, in short.
    pub asks: &'static str,
}

impl Control {
    /// Framework and number, as `HIPAA 164.312(d)`.
    pub fn name(&self) -> String {
        format!("{} {}", self.framework.name(), self.id)
    }
}

macro_rules! controls {
    ($framework:expr; $($name:ident = $id:literal, $asks:literal;)*) => {
        $(#[doc = $asks]
        pub const $name: &Control = &Control { framework: $framework, id: $id, asks: $asks };)*
        /// All that anything maps to.
        pub const ALL: &[&Control] = &[$($name),*];
    };
}

/// NIST SP 800-53 revision 5.
pub mod nist {
    use super::{Control, Framework};
    controls! { Framework::Nist;
        AC_2 = "AC-2", "accounts are managed";
        AC_3 = "AC-3", "access is enforced";
        AC_6 = "AC-6", "least privilege";
        AC_17 = "AC-17", "remote access is controlled";
        AU_2 = "AU-2", "events are logged";
        AU_12 = "AU-12", "audit records are generated";
        CA_2 = "CA-2", "controls are assessed";
        CM_2 = "CM-2", "a baseline configuration is kept";
        CM_5 = "CM-5", "who may change the configuration is restricted";
        CM_6 = "CM-6", "settings are set, and deviations documented and approved";
        CM_7 = "CM-7", "least functionality";
        CP_9 = "CP-9", "backups are made";
        CP_9_8 = "CP-9(8)", "backups are protected by cryptography";
        CP_10 = "CP-10", "the system can be recovered";
        IA_2 = "IA-2", "users are identified and authenticated";
        IA_5 = "IA-5", "authenticators are managed";
        IA_5_1 = "IA-5(1)", "passwords are strong and stored as hashes";
        IA_5_2 = "IA-5(2)", "certificates are validated";
        IA_5_7 = "IA-5(7)", "no static authenticator stands in clear in code or scripts";
        IR_4 = "IR-4", "incidents are handled";
        IR_8 = "IR-8", "there is a plan for incidents";
        RA_5 = "RA-5", "vulnerabilities are looked for";
        SC_5 = "SC-5", "denial of service is limited";
        SC_7 = "SC-7", "the boundary is protected";
        SC_8 = "SC-8", "transmissions are confidential and unchanged";
        SC_8_1 = "SC-8(1)", "transmissions are protected by cryptography";
        SC_12 = "SC-12", "keys are established and managed";
        SC_17 = "SC-17", "certificates come from an approved authority";
        SC_28 = "SC-28", "information at rest is protected";
        SC_28_1 = "SC-28(1)", "information at rest is protected by cryptography";
        SI_2 = "SI-2", "flaws are remedied";
        SI_4 = "SI-4", "the system is monitored";
        SI_7 = "SI-7", "software is what it is taken for";
        SI_10 = "SI-10", "input is validated";
    }
}

/// Regulation (EU) 2016/679.
pub mod gdpr {
    use super::{Control, Framework};
    use crate::profile::Regime;
    controls! { Framework::Regime(Regime::Gdpr);
        ART_5_1_F = "Art. 5(1)(f)", "personal data is kept whole and confidential";
        ART_25 = "Art. 25", "data protection by design and by default";
        ART_32_1_A = "Art. 32(1)(a)", "pseudonymisation and encryption";
        ART_32_1_B = "Art. 32(1)(b)", "confidentiality, integrity, availability and resilience";
        ART_32_1_C = "Art. 32(1)(c)", "availability and access can be restored";
        ART_32_1_D = "Art. 32(1)(d)", "measures are tested regularly";
        ART_33 = "Art. 33", "a breach is notified to the authority";
        ART_34 = "Art. 34", "a breach is told to those whom it concerns";
        ART_44 = "Art. 44", "transfers to third countries keep the protection";
    }
}

/// 45 CFR Part 164, the Security Rule.
pub mod hipaa {
    use super::{Control, Framework};
    use crate::profile::Regime;
    controls! { Framework::Regime(Regime::Hipaa);
        RISK_MANAGEMENT = "164.308(a)(1)(ii)(B)", "risks are reduced";
        ACTIVITY_REVIEW = "164.308(a)(1)(ii)(D)", "activity is reviewed";
        ACCESS_MANAGEMENT = "164.308(a)(4)", "access is authorised";
        PASSWORDS = "164.308(a)(5)(ii)(D)", "passwords are managed";
        INCIDENTS = "164.308(a)(6)", "incidents are answered";
        BACKUP_PLAN = "164.308(a)(7)(ii)(A)", "there is a plan for backups";
        RECOVERY_PLAN = "164.308(a)(7)(ii)(B)", "there is a plan for recovery";
        EVALUATION = "164.308(a)(8)", "measures are evaluated";
        ACCESS_CONTROL = "164.312(a)(1)", "access is controlled";
        UNIQUE_USER = "164.312(a)(2)(i)", "each user has an identity of its own";
        ENCRYPTION_AT_REST = "164.312(a)(2)(iv)", "stored information is encrypted";
        AUDIT = "164.312(b)", "activity is recorded";
        INTEGRITY = "164.312(c)(1)", "information is not altered or destroyed";
        AUTHENTICATION = "164.312(d)", "whoever asks proves who it is";
        TRANSMISSION = "164.312(e)(1)", "transmissions are guarded";
        TRANSMISSION_ENCRYPTION = "164.312(e)(2)(ii)", "transmissions are encrypted";
    }
}

/// PCI DSS 4.0.1.
pub mod pci {
    use super::{Control, Framework};
    use crate::profile::Regime;
    controls! { Framework::Regime(Regime::PciDss);
        R1_2 = "1.2", "packet filters are configured and kept";
        R1_3 = "1.3", "access to the cardholder environment is restricted";
        R1_4 = "1.4", "connections with untrusted networks are controlled";
        R2_2_4 = "2.2.4", "only necessary functions are enabled";
        R2_2_7 = "2.2.7", "administration over networks is encrypted";
        R3_5_1 = "3.5.1", "stored account numbers are unreadable";
        R3_5_1_2 = "3.5.1.2", "encryption of disks alone is enough on removable media only";
        R4_2_1 = "4.2.1", "strong cryptography on open networks";
        R6_3_3 = "6.3.3", "security patches are installed";
        R7_2_5 = "7.2.5", "accounts of applications have least privilege";
        R8_2_1 = "8.2.1", "each user has an identity of its own";
        R8_3_1 = "8.3.1", "each access is authenticated";
        R8_3_2 = "8.3.2", "passwords are unreadable in storage and transmission";
        R8_3_6 = "8.3.6", "passwords are long";
        R8_3_9 = "8.3.9", "passwords that stand alone change every 90 days";
        R8_6_2 = "8.6.2", "passwords of applications stand in no script or configuration";
        R8_6_3 = "8.6.3", "passwords of applications change at intervals that a risk analysis sets";
        R10_2_1 = "10.2.1", "audit logs are active";
        R10_4_1 = "10.4.1", "audit logs are reviewed";
        R10_7_2 = "10.7.2", "failures of security controls are detected and told";
        R11_4 = "11.4", "penetration is tested";
        R12_10 = "12.10", "there is a plan for incidents";
    }
}

/// Every control that anything maps to, by framework.
pub fn all() -> impl Iterator<Item = &'static Control> {
    [nist::ALL, gdpr::ALL, hipaa::ALL, pci::ALL].into_iter().flatten().copied()
}
