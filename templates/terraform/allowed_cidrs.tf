
variable "allowed_cidrs" {
  description = "IPv4 and IPv6 networks that may reach Redis. Empty means nobody."
  type        = set(string)
{% if allowed %}
  default = [
{% for entry in allowed %}
{% if entry.comment is not none %}
    # {{ entry.comment|comment }}
{% endif %}
    {{ entry.network }},
{% endfor %}
  ]
  nullable = false
{% else %}
  default     = []
  nullable    = false
{% endif %}

  validation {
    condition     = alltrue([for cidr in var.allowed_cidrs : can(cidrhost(cidr, 0))])
    error_message = "allowed_cidrs must hold networks such as \"10.8.0.0/24\"."
  }

  validation {
    condition     = alltrue([for cidr in var.allowed_cidrs : try(tonumber(split("/", cidr)[1]) > 0, false)])
    error_message = "allowed_cidrs must not open Redis to the whole internet."
  }
}
