package attachment

import (
	"net"
	"net/url"
	"strings"
)

// originOf returns scheme, host and port of an address in one spelling, so that
// origins can be compared; "" if the address has no http origin.
func originOf(u *url.URL) string {
	scheme, host, port := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), u.Port()
	if host == "" || scheme != "http" && scheme != "https" {
		return ""
	}
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// origins returns the origins of addresses, without those that have none.
func origins(addresses []string) (list []string) {
	for _, a := range addresses {
		if u, err := url.Parse(strings.TrimSpace(a)); err == nil && originOf(u) != "" {
			list = append(list, originOf(u))
		}
	}
	return list
}
