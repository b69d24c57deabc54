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

// Right is the API's word for a right: view, add or change, and the resource.
func Right(verb string, resource Resource) string { return verb + "_" + string(model(resource)) }

// Rights returns the rights that messages of a type need.
func Rights(messageType string) []string {
	switch messageType {
	case jobs.TypeUpdateAppliedControl:
		return []string{Right("view", AppliedControls), Right("change", AppliedControls)}
	case jobs.TypeUpdateRequirementAssessment:
		return []string{Right("view", RequirementAssessments), Right("change", RequirementAssessments)}
	case jobs.TypeUploadAttachment: // and to link
		return []string{
			Right("view", Evidences), Right("add", Evidences), Right("view", "evidence-revisions"), Right("add", "evidence-revisions"),
			Right("view", AppliedControls), Right("change", AppliedControls),
		}
	}
	return nil
}

// May reports whether the user has a right in a folder, or anywhere if the
// server does not tell of that one. What is not told counts as there.
func (a Account) May(right, folderID string) bool {
	if a.Permissions == nil {
		return true
	}
	if names, told := a.Permissions[folderID]; told {
		return slices.Contains(names, right)
	}
	return a.Domains(right) > 0
}
