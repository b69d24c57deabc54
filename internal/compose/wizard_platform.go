package compose

import "github.com/charmbracelet/huh"

func (w *wizard) askPlace() *huh.Group {
	return huh.NewGroup(
		w.filled("Name under which people reach CISO Assistant (localhost: only this computer)", &w.FQDN),
		w.filled("Port", &w.Port),
		w.choice("Certificate", "tls", map[string]string{"internal": "self-signed", "acme": "from Let's Encrypt: the name is public, ports 80 or 443 are reachable", "files": "files that I have"}),
		w.choice("Proxy", "proxy", nil),
	)
}

func (w *wizard) askCertificate() *huh.Group {
	return onlyIf(w.TLS == "files",
		w.filled("PEM file of the certificate", &w.CertFile),
		w.filled("PEM file of its key", &w.KeyFile),
	)
}

func (w *wizard) askUI() *huh.Group {
	return onlyIf(w.Bunkerweb(), huh.NewConfirm().Title("With the web interface of BunkerWeb?").Value(&w.ProxyUI))
}

func (w *wizard) askDatabase() *huh.Group {
	return huh.NewGroup(w.choice("Database", "db", nil))
}

func (w *wizard) askPostgres() *huh.Group {
	return onlyIf(w.Postgres(),
		w.filled("Name of the database", &w.DatabaseName),
		w.filled("Its user", &w.DatabaseUser),
		w.secret("Its password (empty: a new one is made)", &w.DatabasePassword),
	)
}

func (w *wizard) askMail() *huh.Group {
	return huh.NewGroup(
		huh.NewConfirm().Title("Shall CISO Assistant send mail?").Value(&w.mail),
		huh.NewConfirm().Title("CISO Assistant in debug mode? Never where others reach it").Value(&w.Debug),
	)
}

func (w *wizard) askMailServer() *huh.Group {
	return onlyIf(w.mail,
		w.filled("Mail server", &w.MailHost),
		w.filled("Its port", &w.MailPort),
		w.choice("Its security", "mail-security", nil),
		w.text("Its user", &w.MailUser),
		w.secret("Its password", &w.MailPassword),
		w.filled("Address of the sender", &w.MailFrom),
	)
}
