# frozen_string_literal: true

require "support/routes"

RSpec.describe Karafka::Failures::Policy do
  include OneTopic

  # A batch as the policy sees it. Reading anything else fails.
  failed = Struct.new(:error, :attempt, :reached, :alone, :subject, :here, :current, :in_hand, :undecodable, keyword_init: true) do
    def reached? = reached
    def alone? = alone
    def subject_here? = here
    def place = "orders/0"
  end

  let(:failed_batch) { failed }

  def batch(error: ArgumentError.new("no"), attempt: 1, reached: true, alone: true, here: true, current: :current, **rest)
    failed_batch.new(error: error, attempt: attempt, reached: reached, alone: alone, here: here, current: current, **rest)
  end

  def decide(batch, &)
    Karafka::App.routes.clear
    described_class.new(route(Class.new(Karafka::BaseConsumer), &).one).decide(batch)
  end

  def dead(**options) = proc { dead_letter_queue(topic: "dead", **options) }
  def stages(**options) = proc { [retry_topics(delays: [5]), dead_letter_queue(topic: "dead", **options)] }
  def undecodable(policy) = proc { [dead_letter_queue(topic: "dead"), on_deserialization_error(policy)] }

  def plain = proc {}
  decoding = Karafka::Errors::DeserializationError.allocate

  # Name, route, batch, and what is decided: action, message, reason, delay, alone.
  [
    ["retries for ever without a dead letter queue", :plain, { attempt: 99 }, [:retry, nil, nil, nil, false]],
    ["retries what came before `consume`", :dead, { attempt: 99, reached: false }, [:retry, nil, nil, nil, false]],
    ["retries while tries are left", :dead, { attempt: 1, alone: false }, [:retry, nil, nil, nil, false]],
    ["makes the last try alone", :dead, { attempt: 3, alone: false }, [:retry, nil, nil, nil, true]],
    ["makes it as before where there is one message", :dead, { attempt: 3 }, [:retry, nil, nil, nil, false]],
    ["sends the message after the last try", :dead, { attempt: 4 }, [:dead_letter, :current, "error", nil, false]],
    ["takes a batch apart where it is not known which failed", :dead, { attempt: 4, alone: false }, [:retry, nil, nil, 0, true]],
    ["retries where nothing is unmarked", :dead, { attempt: 4, current: nil }, [:retry, nil, nil, nil, false]],
    ["moves to a retry topic first", :stages, { attempt: 4 }, [:retry_topic, :current, "error", nil, false]],
    ["skips where a Skip says so", :plain, { error: Karafka::Skip.new("x") }, [:skip, :current, "skip", nil, false]],
    ["skips the named message of a batch", :plain, { error: Karafka::Skip.new, alone: false, subject: :named },
     [:skip, :named, "skip", nil, false]],
    ["retries a Skip of another partition", :plain, { error: Karafka::Skip.new, subject: :named, here: false },
     [:retry, nil, nil, nil, false]],
    ["sends a Reject at once", :dead, { error: Karafka::Reject.new }, [:dead_letter, :current, "reject", nil, false]],
    ["takes the batch of a Reject apart", :dead, { error: Karafka::Reject.new, alone: false }, [:retry, nil, nil, 0, true]],
    ["retries a Reject without a dead letter queue", :plain, { error: Karafka::Reject.new }, [:retry, nil, nil, nil, false]],
    ["sets aside what an operator wants out of the way", :plain,
     { error: Karafka::Failures::OrderedSkip.new(Struct.new(:reason).new("x"), nil), subject: :named, alone: false },
     [:set_aside, :named, "operator", nil, false]],
    ["waits as long as a RetryLater says", :plain, { error: Karafka::RetryLater.new(in: 250) }, [:postpone, nil, nil, 250, false]],
    ["takes a message that cannot be decoded as an error", :dead, { error: decoding }, [:retry, nil, nil, nil, false]],
    ["sends it", :undecodable_dead, { error: decoding, undecodable: :broken }, [:dead_letter, :broken, "deserialization", nil, false]],
    ["skips it", :undecodable_skip, { error: decoding, undecodable: :broken }, [:skip, :broken, "deserialization", nil, false]],
    ["takes one of another batch as an error", :undecodable_skip, { error: decoding, attempt: 1 }, [:retry, nil, nil, nil, false]]
  ].each do |name, route, facts, expected|
    it name do
      settings = { plain: plain, dead: dead, stages: stages, undecodable_dead: undecodable(:dead_letter),
                   undecodable_skip: undecodable(:skip) }.fetch(route)
      decision = decide(batch(**facts), &settings)
      expect(decision.to_a.first(5)).to eq(expected)
      expect(decision).to be_frozen
    end
  end

  it "believes what the consumer had in hand only where nobody wants a second try" do
    facts = { attempt: 2, alone: false, in_hand: :second }
    expect(decide(batch(**facts), &dead(max_retries: 1)).to_h).to include(action: :retry, alone: true)
    expect(decide(batch(**facts), &dead(max_retries: 0)).to_h).to include(action: :dead_letter, message: :second)
  end

  it "reports errors, and neither a Skip nor a RetryLater" do
    reported = lambda do |route, **facts|
      decision = decide(batch(**facts), &route)
      [decision.report&.class, decision.report_type]
    end
    expect(reported[dead]).to eq([ArgumentError, "consumer.consume.error"])
    expect(reported[undecodable(:skip), error: decoding, undecodable: :broken])
      .to eq([Karafka::Errors::DeserializationError, "consumer.deserialization.error"])
    expect(reported[plain, error: Karafka::Reject.new]).to eq([Karafka::Errors::InvalidConfigurationError, "consumer.consume.error"])
    expect(reported[plain, error: Karafka::Skip.new, subject: 1, here: false]).to eq([ArgumentError, "consumer.consume.error"])
    [Karafka::Skip.new, Karafka::RetryLater.new(in: 5)].each { |error| expect(reported[plain, error: error]).to eq([nil, nil]) }
  end
end
