package compose

import "github.com/charmbracelet/huh"

func (w *wizard) askDispatcher() *huh.Group {
	return huh.NewGroup(huh.NewConfirm().Title("With the dispatcher?").Value(&w.dispatcher))
}

func (w *wizard) askLogin() *huh.Group {
	return onlyIf(w.dispatcher,
		w.filled("Image of the dispatcher", &w.Image),
		w.choice("How does the dispatcher log in?", "login", map[string]string{"token": "personal access token", "password": "e-mail and password"}),
	)
}

func (w *wizard) askToken() *huh.Group {
	return onlyIf(w.dispatcher && w.ByToken(),
		w.secret("Personal access token (empty: filled in later, once CISO Assistant is up)", &w.Token))
}

func (w *wizard) askPassword() *huh.Group {
	return onlyIf(w.dispatcher && !w.ByToken(),
		w.filled("E-mail", &w.Email),
		w.secret("Password", &w.Password),
		huh.NewConfirm().Title("Log in again when the session has ended?").Value(&w.AutoRenew),
	)
}

func (w *wizard) askTopics() *huh.Group {
	return onlyIf(w.dispatcher,
		w.filled("Topic of the messages", &w.ObservationTopic),
		w.filled("Topic of the failures", &w.ErrorTopic),
		w.text("Topic of the successes (empty: none)", &w.ResultsTopic),
		huh.NewSelect[string]().Title("Kafka").Value(&w.kafka).Options(
			huh.NewOption("one of its own, for this host", "own"), huh.NewOption("one that is there", "there")),
	)
}

func (w *wizard) askBrokers() *huh.Group {
	return onlyIf(w.dispatcher && w.kafka == "there",
		w.filled("Brokers as a container sees them, comma separated ("+hostOfDocker+" is this host)", &w.BootstrapServers),
		w.choice("Security of the connection", "kafka-protocol", nil),
	)
}

func (w *wizard) askSASL() *huh.Group {
	return onlyIf(w.dispatcher && w.kafka == "there" && w.SASL(),
		w.choice("SASL mechanism", "kafka-mechanism", nil),
		w.filled("Kafka user", &w.KafkaUser),
		w.secret("Kafka password", &w.KafkaPassword),
	)
}

func (w *wizard) askKafkaTLS() *huh.Group {
	return onlyIf(w.dispatcher && w.kafka == "there" && w.KafkaTLS(),
		w.text("CA file of the brokers (empty: the system's)", &w.KafkaCAFile),
		w.text("Client certificate file (empty: none)", &w.KafkaCertFile),
		w.text("File of its key", &w.KafkaKeyFile),
	)
}

func (w *wizard) askS3() *huh.Group {
	return onlyIf(w.dispatcher, huh.NewSelect[string]().Title("S3, for files that messages name").Value(&w.s3).Options(
		huh.NewOption("none", "none"), huh.NewOption("one of its own", "own"), huh.NewOption("one that is there", "there")))
}

func (w *wizard) askS3Keys() *huh.Group {
	return onlyIf(w.dispatcher && w.s3 == "there",
		w.filled("S3 address", &w.S3URL),
		w.text("Access key (empty: presigned URLs only)", &w.S3AccessKey),
		w.secret("Secret key", &w.S3SecretKey),
	)
}
