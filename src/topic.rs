//! What rules and items of the checklist are about: one literal per topic, with the headings of the security guide that
//! treat it, the attacks that it stands against and the controls that it serves. A rule names its topic and gets all three.

use crate::control::{Control, gdpr, hipaa, nist, pci};

/// An attack that the security guide names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Threat {
    /// Somebody gets in without being entitled to.
    UnauthorizedAccess,
    /// Input of a stranger becomes a command.
    CommandInjection,
    /// The server stops serving.
    DenialOfService,
    /// Data leaves.
    DataExfiltration,
    /// Somebody acts as another user of the application.
    SessionHijacking,
    /// Somebody reads or changes what crosses the wire.
    ManInTheMiddle,
}

impl Threat {
    /// Its name, as a heading.
    pub const fn name(self) -> &'static str {
        match self {
            Threat::UnauthorizedAccess => "Unauthorized access",
            Threat::CommandInjection => "Command injection",
            Threat::DenialOfService => "Denial of service",
            Threat::DataExfiltration => "Data exfiltration",
            Threat::SessionHijacking => "Session hijacking",
            Threat::ManInTheMiddle => "Man in the middle",
        }
    }
}

/// A topic.
#[derive(Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name, as a heading.
    pub title: &'static str,
    /// Headings of the security guide; none where the guide says nothing.
    pub guide: &'static [&'static str],
    /// Attacks that it stands against; none where it is about mistakes and losses.
    pub threats: &'static [Threat],
    /// Controls that it serves.
    pub controls: &'static [&'static Control],
}

macro_rules! topics {
    ($($name:ident { title: $title:expr, guide: $guide:expr, threats: [$($threat:ident),*], controls: $controls:expr })*) => {
        $(#[doc = $title]
        pub const $name: &Topic =
            &Topic { title: $title, guide: &$guide, threats: &[$(Threat::$threat),*], controls: &$controls };)*
        /// All topics, in the order of docs/rules.md.
        pub const ALL: &[&Topic] = &[$($name),*];
    };
}

topics! {
    FORMAT {
        title: "The profile's format",
        guide: [],
        threats: [],
        controls: [nist::CM_6]
    }
    ENGINE {
        title: "Engine version and known vulnerabilities",
        guide: [],
        threats: [UnauthorizedAccess, DenialOfService, DataExfiltration],
        controls: [nist::SI_2, nist::RA_5, gdpr::ART_32_1_B, hipaa::RISK_MANAGEMENT, pci::R6_3_3]
    }
    CONTAINER {
        title: "Image and container",
        guide: ["Configuration"],
        threats: [UnauthorizedAccess],
        controls: [nist::CM_2, nist::CM_7, nist::SI_7, pci::R2_2_4]
    }
    TUNING {
        title: "Tuning directives",
        guide: ["Performance Degradation"],
        threats: [DenialOfService],
        controls: [nist::CM_6]
    }
    EXPOSURE {
        title: "Exposure",
        guide: ["Network Binding", "Localhost-Only (Recommended)", "External Exposure (Not Recommended)"],
        threats: [UnauthorizedAccess, DataExfiltration],
        controls: [nist::SC_7, gdpr::ART_32_1_B, hipaa::TRANSMISSION, pci::R1_3, pci::R1_4]
    }
    DOCKER_NETWORKS {
        title: "Docker networks",
        guide: ["Docker Internal Network (Most Secure)"],
        threats: [UnauthorizedAccess],
        controls: [nist::SC_7, gdpr::ART_32_1_B, hipaa::TRANSMISSION, pci::R1_3]
    }
    FIREWALL {
        title: "Packet filter and allow list",
        guide: ["Firewall Rules"],
        threats: [UnauthorizedAccess],
        controls: [nist::SC_7, gdpr::ART_32_1_B, hipaa::TRANSMISSION, pci::R1_2, pci::R1_3]
    }
    CONNECTION_LIMITS {
        title: "Connection limits",
        guide: ["3. Denial of Service (DoS)"],
        threats: [DenialOfService, UnauthorizedAccess],
        controls: [nist::SC_5, gdpr::ART_32_1_B]
    }
    BASTION {
        title: "Access through a bastion",
        guide: ["VPN/Bastion Access"],
        threats: [UnauthorizedAccess, ManInTheMiddle],
        controls: [nist::AC_17, gdpr::ART_32_1_B, hipaa::AUTHENTICATION, pci::R2_2_7]
    }
    TLS {
        title: "Encryption in transit",
        guide: ["Encryption in Transit (TLS/SSL)", "6. Man-in-the-Middle (MITM)"],
        threats: [ManInTheMiddle],
        controls: [
            nist::SC_8, nist::SC_8_1, gdpr::ART_32_1_A, hipaa::TRANSMISSION, hipaa::TRANSMISSION_ENCRYPTION, pci::R2_2_7,
            pci::R4_2_1,
        ]
    }
    CERTIFICATES {
        title: "Certificates",
        guide: ["Generate Certificates"],
        threats: [ManInTheMiddle, UnauthorizedAccess],
        controls: [nist::IA_5_2, nist::SC_12, nist::SC_17, gdpr::ART_32_1_A, hipaa::AUTHENTICATION, pci::R4_2_1]
    }
    LOGIN {
        title: "Authentication",
        guide: ["Password Authentication", "1. Unauthorized Access"],
        threats: [UnauthorizedAccess],
        controls: [
            nist::IA_2, nist::IA_5_1, gdpr::ART_32_1_B, hipaa::AUTHENTICATION, hipaa::PASSWORDS, pci::R8_3_1, pci::R8_3_6,
        ]
    }
    USERS {
        title: "Users and what they may touch",
        guide: ["Access Control Lists (ACLs)", "Configure ACLs"],
        threats: [UnauthorizedAccess, CommandInjection, DataExfiltration],
        controls: [
            nist::AC_2, nist::AC_3, nist::AC_6, gdpr::ART_25, gdpr::ART_32_1_B, hipaa::ACCESS_MANAGEMENT,
            hipaa::ACCESS_CONTROL, hipaa::UNIQUE_USER, pci::R7_2_5, pci::R8_2_1,
        ]
    }
    ACL_RULES {
        title: "ACL rules, as the server applies them",
        guide: ["ACL Syntax", "ACL Categories"],
        threats: [UnauthorizedAccess, CommandInjection],
        controls: [nist::AC_3, nist::AC_6, hipaa::ACCESS_CONTROL, pci::R7_2_5]
    }
    DISABLED_COMMANDS {
        title: "Disabled commands",
        guide: ["Disabled in Production", "Testing Disabled Commands"],
        threats: [CommandInjection, DenialOfService],
        controls: [nist::CM_7, nist::AC_6, gdpr::ART_25, hipaa::ACCESS_CONTROL, pci::R2_2_4]
    }
    RENAMING {
        title: "Renamed commands",
        guide: ["Disabled in Production", "Testing Disabled Commands"],
        threats: [DenialOfService],
        controls: [nist::CM_7, pci::R2_2_4]
    }
    CODE {
        title: "Code that runs in the server",
        guide: ["Why Disable These Commands", "2. Command Injection"],
        threats: [CommandInjection, UnauthorizedAccess],
        controls: [nist::CM_7, nist::SI_10, nist::AC_6, hipaa::ACCESS_CONTROL, pci::R2_2_4]
    }
    TAKEOVER {
        title: "Commands that take the server over",
        guide: ["Why Disable These Commands"],
        threats: [UnauthorizedAccess, CommandInjection],
        controls: [nist::AC_6, nist::CM_5, hipaa::ACCESS_CONTROL, pci::R7_2_5]
    }
    EXFILTRATION {
        title: "Commands that carry data out",
        guide: ["4. Data Exfiltration"],
        threats: [DataExfiltration],
        controls: [nist::AC_3, nist::AC_6, gdpr::ART_32_1_B, hipaa::ACCESS_CONTROL, pci::R7_2_5]
    }
    DESTRUCTION {
        title: "Commands that destroy",
        guide: ["Why Disable These Commands"],
        threats: [CommandInjection, DenialOfService],
        controls: [nist::AC_6, gdpr::ART_5_1_F, hipaa::INTEGRITY, pci::R7_2_5]
    }
    BLOCKING {
        title: "Commands that block",
        guide: ["3. Denial of Service (DoS)", "Why Disable These Commands"],
        threats: [DenialOfService],
        controls: [nist::SC_5, nist::CM_7, gdpr::ART_32_1_B]
    }
    CREDENTIALS {
        title: "Commands that show credentials",
        guide: ["ACL Management"],
        threats: [UnauthorizedAccess],
        controls: [nist::IA_5, nist::AC_6, hipaa::PASSWORDS, pci::R8_3_2]
    }
    RESOURCES {
        title: "Memory and other limits",
        guide: ["Minimum Security Standards"],
        threats: [DenialOfService],
        controls: [nist::SC_5, gdpr::ART_32_1_B]
    }
    PERSISTENCE {
        title: "Persistence",
        guide: ["Data Loss"],
        threats: [],
        controls: [nist::CP_10, gdpr::ART_32_1_C, hipaa::RECOVERY_PLAN]
    }
    BACKUPS {
        title: "Backups",
        guide: ["Minimum Security Standards", "Data Loss"],
        threats: [],
        controls: [
            nist::CP_9, nist::CP_10, gdpr::ART_32_1_C, hipaa::BACKUP_PLAN, hipaa::RECOVERY_PLAN,
        ]
    }
    BACKUP_ENCRYPTION {
        title: "Encryption of backups",
        guide: ["Production Deployment Checklist"],
        threats: [DataExfiltration],
        controls: [nist::CP_9_8, gdpr::ART_32_1_A, hipaa::ENCRYPTION_AT_REST]
    }
    VOLUMES {
        title: "Encryption at rest on the host",
        guide: ["Encryption at Rest", "Linux (LUKS)"],
        threats: [DataExfiltration],
        controls: [
            nist::SC_28, nist::SC_28_1, gdpr::ART_32_1_A, hipaa::ENCRYPTION_AT_REST,
        ]
    }
    CLOUD {
        title: "Encrypted volumes of a cloud",
        guide: ["Cloud Provider Encryption"],
        threats: [DataExfiltration],
        controls: [
            nist::SC_28, nist::SC_28_1, gdpr::ART_32_1_A, hipaa::ENCRYPTION_AT_REST,
        ]
    }
    APPLICATION_ENCRYPTION {
        title: "Encryption by the application",
        guide: ["Application-Level Encryption"],
        threats: [DataExfiltration],
        controls: [nist::SC_28_1, gdpr::ART_25, gdpr::ART_32_1_A, hipaa::ENCRYPTION_AT_REST, pci::R3_5_1, pci::R3_5_1_2]
    }
    SECRETS {
        title: "Where passwords are kept",
        guide: ["Option 1: Docker Secrets", "Option 2: AWS Secrets Manager", "Option 3: HashiCorp Vault"],
        threats: [UnauthorizedAccess],
        controls: [nist::IA_5, nist::IA_5_7, gdpr::ART_32_1_B, hipaa::PASSWORDS, pci::R8_6_2]
    }
    ROTATION {
        title: "Rotation",
        guide: ["Password Rotation", "Secret Rotation"],
        threats: [UnauthorizedAccess],
        controls: [nist::IA_5, hipaa::PASSWORDS, pci::R8_3_9, pci::R8_6_3]
    }
    MONITORING {
        title: "Monitoring",
        guide: ["Minimum Security Standards", "Performance Degradation"],
        threats: [UnauthorizedAccess, DenialOfService, DataExfiltration],
        controls: [nist::SI_4, gdpr::ART_32_1_B, pci::R10_7_2]
    }
    HEALTH_CHECK {
        title: "Health check",
        guide: ["Minimum Security Standards"],
        threats: [DenialOfService],
        controls: [gdpr::ART_32_1_B]
    }
    AUDIT {
        title: "Audit trail",
        guide: ["Suspected Breach"],
        threats: [UnauthorizedAccess, DataExfiltration],
        controls: [nist::AU_2, nist::AU_12, hipaa::AUDIT, hipaa::ACTIVITY_REVIEW, pci::R10_2_1, pci::R10_4_1]
    }
    SESSIONS {
        title: "Sessions of the application",
        guide: ["5. Session Hijacking"],
        threats: [SessionHijacking],
        controls: [nist::SI_10, gdpr::ART_25]
    }
    RESIDENCY {
        title: "Where data lies",
        guide: ["Production Deployment Checklist"],
        threats: [],
        controls: [gdpr::ART_44]
    }
    PERSONAL_DATA {
        title: "Personal data",
        guide: ["Production Deployment Checklist"],
        threats: [],
        controls: [gdpr::ART_5_1_F, gdpr::ART_25]
    }
    ASSESSMENT {
        title: "Assessment",
        guide: ["Security Testing"],
        threats: [],
        controls: [nist::CA_2, nist::RA_5, gdpr::ART_32_1_D, hipaa::EVALUATION, pci::R11_4]
    }
    INCIDENTS {
        title: "Incidents",
        guide: ["Incident Response"],
        threats: [],
        controls: [nist::IR_4, nist::IR_8, gdpr::ART_33, gdpr::ART_34, hipaa::INCIDENTS, pci::R12_10]
    }
    WAIVERS {
        title: "Accepted findings",
        guide: [],
        threats: [],
        controls: [nist::CM_6]
    }
}
