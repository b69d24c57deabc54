package config

import (
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

func TestUsersAreLinesOfNameAndBcryptHash(t *testing.T) {
	t.Parallel()
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	users, err := ParseUsers("# on call\n\nanna:" + string(hash) + "\r\nbert:$2y$" + string(hash[4:]) + "\n")
	if err != nil || len(users) != 2 {
		t.Fatalf("%v %v", users, err)
	}
	for name, h := range users {
		if bcrypt.CompareHashAndPassword(h, []byte("secret")) != nil {
			t.Errorf("%s cannot log in", name)
		}
	}
	for _, wrong := range []string{"", "# nobody", "anna", "anna:secret", ":" + string(hash), "anna:{SHA}abc", "anna:$2y$31$" + string(hash[7:])} {
		if _, err := ParseUsers(wrong); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}
