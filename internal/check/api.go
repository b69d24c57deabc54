package check

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"dispatcher/jobs"
	"dispatcher/workers/ciso"
)

// APIConfig says what is known of CISO Assistant.
type APIConfig struct {
	Client            *ciso.Client
	VerifyCertificate bool
	Types             []string // of messages that producers may send
	Clock             func() time.Time
}

// API looks at address, TLS, token, rights and version.
func API(cfg APIConfig) Party {
	return Party{Name: "api", Ask: func(ctx context.Context) []Row {
		err := cfg.Client.Connect(ctx)
		base := cfg.Client.Base()
		if base == "" {
			return []Row{failed("api: address", err, "check API_URL")}
		}
		rows := []Row{fine("api: address", base), cfg.tls(base)}
		if err != nil {
			return append(rows, failed("api: token", err, "check USER_TOKEN"))
		}
		account, err := cfg.Client.Account(ctx)
		if err != nil {
			rows = append(rows, failed("api: token", err, "check USER_TOKEN"))
		} else {
			rows = append(rows, cfg.token(ctx, account))
			for _, t := range cfg.Types {
				rows = append(rows, rightsRow(t, account))
			}
		}
		return append(rows, versionRow(cfg.Client.Version(), cfg.Types))
	}}
}

func (cfg APIConfig) tls(base string) Row {
	const name = "api: TLS"
	u, err := url.Parse(base)
	switch {
	case err != nil:
		return failed(name, err, "check API_URL")
	case u.Scheme == "https" && cfg.VerifyCertificate:
		return fine(name, "the certificate is verified")
	case u.Scheme == "https":
		return noted(name, "the certificate is not verified", "anyone on the way can read the token; set API_CA_FILE and VERIFY_CERTIFICATE=true")
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
		return fine(name, "none, on this host")
	}
	return noted(name, "none", "anyone on the way can read the token; use https outside of a private network")
}

// soon is how long before its end a token is said to end.
const soon = 14 * 24 * time.Hour

func (cfg APIConfig) token(ctx context.Context, account ciso.Account) Row {
	const name = "api: token"
	info, err := cfg.Client.TokenInfo(ctx)
	value := "accepted, of " + account.Email
	switch {
	case err != nil || info.Expiry.IsZero() && info.Name == "":
		return fine(name, value+"; when it ends is not told")
	case info.Expiry.IsZero():
		return fine(name, fmt.Sprintf("%s, %q, without an end", value, info.Name))
	}
	left := info.Expiry.Sub(cfg.Clock())
	value = fmt.Sprintf("%s, %q, ends %s (in %d days)", value, info.Name, info.Expiry.UTC().Format(time.RFC3339), int(left.Hours()/24))
	if left < soon {
		return noted(name, value, "make a new personal access token in time, and set USER_TOKEN")
	}
	return fine(name, value)
}

// rightsRow tells whether the user has what a message type needs in some domain.
func rightsRow(messageType string, account ciso.Account) Row {
	name := "api: rights for " + messageType
	if account.Permissions == nil {
		return fine(name, "the server does not tell")
	}
	needed := ciso.Rights(messageType)
	var lacking []string
	domains := len(account.Permissions)
	for _, right := range needed {
		n := account.Domains(right)
		if n == 0 {
			lacking = append(lacking, right)
		}
		domains = min(domains, n)
	}
	if len(lacking) > 0 {
		return wrong(name, account.Email+" has in no domain: "+strings.Join(lacking, ", "), "give the user a role that has them, or use another token")
	}
	return fine(name, fmt.Sprintf("in %d of %d domain(s)", domains, len(account.Permissions)))
}

func versionRow(version string, types []string) Row {
	const name = "api: version"
	var known, broken []string
	for _, trap := range ciso.Traps(version) {
		if trap.Broken && slices.Contains(types, jobs.TypeUploadAttachment) {
			broken = append(broken, trap.What)
		} else {
			known = append(known, trap.What)
		}
	}
	value := version
	if len(known) > 0 {
		value += "; known and handled: " + strings.Join(known, "; ")
	}
	if len(broken) > 0 {
		return wrong(name, version+": "+strings.Join(broken, "; "), "upgrade CISO Assistant")
	}
	return fine(name, value)
}
