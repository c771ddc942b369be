//! UFW.
