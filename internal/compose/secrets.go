package compose

import (
	"crypto/rand"
	"fmt"
)

// used reports whether the variable of a secret is in the file.
func (a *Answers) used(variable string) bool {
	switch variable {
	case "POSTGRES_PASSWORD":
		return a.Postgres()
	case "BUNKERWEB_DB_PASSWORD":
		return a.Bunkerweb()
	case "BUNKERWEB_UI_PASSWORD":
		return a.Bunkerweb() && a.ProxyUI
	case "EMAIL_HOST_PASSWORD":
		return a.Mail()
	case "USER_TOKEN":
		return a.Dispatcher() && a.ByToken()
	case "USER_PASSWORD":
		return a.Dispatcher() && !a.ByToken()
	case "KAFKA_PASSWORD":
		return a.Dispatcher() && a.SASL()
	case "S3_ACCESS_KEY", "S3_SECRET_KEY":
		return a.S3()
	}
	return false
}

// generate makes the secrets that only services of this file share.
func (a *Answers) generate() {
	own := func(needed bool, secret *string) {
		if needed && *secret == "" {
			*secret = rand.Text()
		}
	}
	own(a.Postgres(), &a.DatabasePassword)
	own(a.Bunkerweb(), &a.ProxyDBPassword)
	if a.Bunkerweb() && a.ProxyUI && a.ProxyUIPassword == "" {
		a.ProxyUIPassword = fmt.Sprintf("%s-%s", "aA1", rand.Text()) // it asks for every kind of character
	}
	own(a.OwnS3(), &a.S3AccessKey)
	own(a.OwnS3(), &a.S3SecretKey)
}

// Keep fills what is not answered with the secrets of an earlier .env: a
// database that is there keeps its password.
func (a *Answers) Keep(env []byte) {
	earlier := parseEnv(env)
	for _, q := range Questions() {
		if q.Secret && *q.Text(a) == "" {
			*q.Text(a) = earlier[q.Env]
		}
	}
}
