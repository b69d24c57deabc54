package schema

import (
	"strings"

	"dispatcher/jobs"
)

// AsyncAPI describes the topics in AsyncAPI 3.0: what the dispatcher receives
// and sends, by the names that topics have by default. Its JSON Schemas use
// nothing that draft 7, which AsyncAPI takes by default, does not have.
func AsyncAPI() Document {
	return Document{
		"asyncapi": "3.0.0",
		"info": Document{
			"title":       "CISO Assistant Dispatcher",
			"version":     "1",
			"description": "Messages that change CISO Assistant, and records of what became of them. The version is that of the message format.",
		},
		"defaultContentType": "application/json",
		"channels": Document{
			"observation": channel("observation", "Messages, each of which becomes a job. Setting observation_topic.", jobs.Types()...),
			"errors":      channel("errors", "One record each time a job ends failed. Setting errors_topic.", ErrorRecord),
			"results":     channel("results", "One record for each job that succeeded, if the setting results_topic names the topic.", ResultRecord),
		},
		"operations": Document{
			"carryOut":      operation("receive", "observation", "Reads messages and carries them out."),
			"reportFailure": operation("send", "errors", "Reports a failure, until all in-sync replicas have it."),
			"reportSuccess": operation("send", "results", "Reports a success, until all in-sync replicas have it."),
		},
		"components": Document{"messages": components()},
	}
}

func channel(address, description string, messages ...string) Document {
	refs := Document{}
	for _, name := range messages {
		refs[name] = ref("components/messages/" + name)
	}
	return Document{"address": address, "description": description, "messages": refs}
}

func operation(action, channel, description string) Document {
	return Document{"action": action, "channel": ref("channels/" + channel), "description": description}
}

func ref(path string) Document { return Document{"$ref": "#/" + path} }

func components() Document {
	messages := Document{}
	for _, name := range Names() {
		payload, _ := Of(name)
		delete(payload, "$schema") // AsyncAPI has one of its own
		messages[name] = Document{
			"name": name, "title": strings.ReplaceAll(name, "_", " "), "payload": payload,
			"headers":  Document{"type": "object", "properties": headersOf(name)},
			"bindings": Document{"kafka": Document{"key": key(name)}},
		}
	}
	return messages
}

func key(name string) Document {
	if name == ErrorRecord || name == ResultRecord {
		return Document{"type": "string", "description": "that of the original"}
	}
	return Document{"type": "string", "description": "optional; messages of one key are carried out one after the other"}
}

// headersOf are the record headers that have a meaning; all are UTF-8 text.
func headersOf(name string) Document {
	text := func(description string) Document { return Document{"type": "string", "description": description} }
	switch name {
	case ErrorRecord:
		return Document{
			"__dlq.errors.topic":          text("of the original; absent if it was submitted without Kafka"),
			"__dlq.errors.partition":      text("of the original"),
			"__dlq.errors.offset":         text("of the original"),
			"__dlq.errors.group":          text("consumer group of the dispatcher"),
			"__dlq.errors.delivery.count": text("attempts"),
			"__dlq.errors.message":        text("why, in one line"),
			"dispatcher.job.id":           text("id of the job"),
			"dispatcher.error.class":      text("as class of the value"),
			"dispatcher.error.code":       text("as code of the value"),
			"dispatcher.http.status":      text("of the API's answer, if one decided"),
		}
	case ResultRecord:
		return Document{"dispatcher.job.id": text("id of the job")}
	}
	return Document{"idempotency-key": text("of two messages with the same one, the second counts as done when the first has succeeded")}
}
