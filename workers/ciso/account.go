package ciso

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"time"

	"dispatcher/jobs"
)

// Account is the user whom the API takes the dispatcher for.
type Account struct {
	Email string
	// Permissions are the rights by domain; nil if the server does not tell.
	Permissions map[string][]string
}

// Domains returns in how many domains the user has a right such as
// change_appliedcontrol.
func (a Account) Domains(right string) (n int) {
	for _, names := range a.Permissions {
		if slices.Contains(names, right) {
			n++
		}
	}
	return n
}

// Account asks who the user is and what he may do.
func (c *Client) Account(ctx context.Context) (Account, error) {
	var user struct {
		Email       string              `json:"email"`
		Permissions map[string][]string `json:"domain_permissions"`
	}
	err := c.call(ctx, &request{method: http.MethodGet, path: "/iam/current-user/"}, &user)
	return Account{Email: user.Email, Permissions: user.Permissions}, err
}

// TokenInfo is what the API knows of the token in use.
type TokenInfo struct {
	Name   string
	Expiry time.Time // zero: it is no personal access token, or the server does not tell
}

// TokenInfo finds the token in use among the user's personal access tokens: the
// API lists their digests. A login's session is not among them.
func (c *Client) TokenInfo(ctx context.Context) (TokenInfo, error) {
	var list []struct {
		Name   string    `json:"name"`
		Expiry time.Time `json:"expiry"`
		Digest string    `json:"digest"`
	}
	token, err := c.session.token(ctx)
	if err != nil {
		return TokenInfo{}, err
	}
	a, err := c.send(ctx, &request{method: http.MethodGet, path: "/iam/auth-tokens/"})
	if err != nil {
		return TokenInfo{}, err
	}
	if err := decode(a.body, &list); err != nil {
		return TokenInfo{}, jobs.Transient(a.status, 0, fmt.Errorf("read the list of tokens: %w", err))
	}
	for _, known := range list {
		if slices.Contains(digests(token), known.Digest) {
			return TokenInfo{Name: known.Name, Expiry: known.Expiry}, nil
		}
	}
	return TokenInfo{}, nil
}

// digests are how the server's library (knox) has spelled a token: the hash of
// its text or, before, of the bytes that it stands for.
func digests(token string) []string {
	text := sha512.Sum512([]byte(token))
	all := []string{hex.EncodeToString(text[:])}
	if raw, err := hex.DecodeString(token); err == nil {
		sum := sha512.Sum512(raw)
		all = append(all, hex.EncodeToString(sum[:]))
	}
	return all
}

// Rights returns the rights that messages of a type need, in the API's words.
func Rights(messageType string) (names []string) {
	of := func(resource Resource, needs ...func(Resource) right) {
		for _, need := range needs {
			names = append(names, string(need(resource)))
		}
	}
	adding := func(resource Resource) right { return "add_" + model(resource) }
	switch messageType {
	case jobs.TypeUpdateAppliedControl:
		of(AppliedControls, viewing, changing)
	case jobs.TypeUpdateRequirementAssessment:
		of(RequirementAssessments, viewing, changing)
	case jobs.TypeUploadAttachment:
		of(Evidences, viewing, adding)
		of("evidence-revisions", viewing, adding)
		of(AppliedControls, viewing, changing) // to link
	}
	return names
}
