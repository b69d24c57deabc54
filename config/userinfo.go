package config

import "strings"

// maskUserinfo hides user and password in an address, or in a list of them: all
// from the first scheme to the last @, as a password may hold any character. A
// value without a colon before it, such as an e-mail address, has no password.
func maskUserinfo(value string) string {
	at := strings.LastIndexByte(value, '@')
	if at < 0 || !strings.Contains(value[:at], ":") {
		return value
	}
	scheme, _, ok := strings.Cut(value[:at], "://")
	if !ok {
		return masked + value[at:]
	}
	return scheme + "://" + masked + value[at:]
}

// oneOf is the item of a list that a message names; the whole list if an @ is in
// it, as a password with a comma is spread over several items.
func oneOf(list []string, item string) string {
	if all := strings.Join(list, ","); strings.Contains(all, "@") {
		return all
	}
	return item
}
