package compose

import (
	"errors"
	"strings"

	"github.com/charmbracelet/huh"

	"dispatcher/internal/ask"
)

// Ask asks for what an installation needs; what is answered already is shown.
func (a *Answers) Ask(asker ask.Asker) error {
	w := wizard{Answers: a, hidden: asker.Hidden(), lines: asker.Accessible, dispatcher: a.Dispatcher(), mail: a.Mail(), kafka: "own", s3: "none"}
	if a.BootstrapServers != "" {
		w.kafka = "there"
	}
	switch {
	case a.WithS3:
		w.s3 = "own"
	case a.S3URL != "":
		w.s3 = "there"
	}
	err := asker.Ask(w.askPlace, w.askCertificate, w.askUI, w.askDatabase, w.askPostgres, w.askMail, w.askMailServer,
		w.askDispatcher, w.askLogin, w.askToken, w.askPassword, w.askTopics, w.askBrokers, w.askSASL, w.askKafkaTLS,
		w.askS3, w.askS3Keys)
	if err != nil {
		return err
	}
	w.settle()
	return nil
}

// wizard is the form: the answers, and the questions that choose between them.
type wizard struct {
	*Answers
	hidden           huh.EchoMode
	lines            bool // asked line by line: what is known is not seen otherwise
	dispatcher, mail bool
	kafka, s3        string // own, there or none
}

// settle drops what was known before and is not wanted.
func (w *wizard) settle() {
	w.WithoutDispatcher = !w.dispatcher
	if w.TLS != "files" {
		w.CertFile, w.KeyFile = "", ""
	}
	if !w.mail {
		w.MailHost = ""
	}
	if w.kafka == "own" {
		w.BootstrapServers, w.KafkaProtocol = "", "PLAINTEXT"
	}
	if !w.KafkaTLS() {
		w.KafkaCAFile, w.KafkaCertFile, w.KafkaKeyFile = "", "", ""
	}
	w.WithS3 = w.s3 == "own"
	if w.s3 != "there" {
		w.S3URL = ""
	}
}

func (w *wizard) text(title string, value *string) *huh.Input {
	if w.lines && *value != "" {
		title += " [" + *value + "]"
	}
	return huh.NewInput().Title(title).Value(value)
}

// filled asks for what cannot be empty; nothing typed is what was known.
func (w *wizard) filled(title string, value *string) *huh.Input {
	known := *value != ""
	return w.text(title, value).Validate(func(s string) error {
		if strings.TrimSpace(s) == "" && !known {
			return errors.New("cannot be empty")
		}
		return nil
	})
}

func (w *wizard) secret(title string, value *string) *huh.Input {
	return huh.NewInput().Title(title).Value(value).EchoMode(w.hidden)
}

// choice offers the choices of a question, with words for some.
func (w *wizard) choice(title, flag string, words map[string]string) *huh.Select[string] {
	for _, q := range Questions() {
		if q.Flag != flag {
			continue
		}
		var options []huh.Option[string]
		for _, c := range q.Choices {
			label := c
			if words[c] != "" {
				label = words[c]
			}
			options = append(options, huh.NewOption(label, c))
		}
		return huh.NewSelect[string]().Title(title).Value(q.Text(w.Answers)).Options(options...)
	}
	panic("no question has the flag " + flag) // a mistake of ours
}

func onlyIf(wanted bool, fields ...huh.Field) *huh.Group {
	if !wanted {
		return nil
	}
	return huh.NewGroup(fields...)
}
