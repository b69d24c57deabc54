// Package compose writes a docker-compose.yml with CISO Assistant and the
// dispatcher, and the .env with its secrets.
//
// One table ([Questions]) names everything that an installation is asked: the
// flags follow from it, the questions and the tests. What comes of the
// [Answers] are [Files], and the steps that are left to do.
//
// A secret is never in the YAML: it is there by the name of its variable.
package compose
