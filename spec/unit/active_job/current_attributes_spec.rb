# frozen_string_literal: true

require "karafka/active_job"
require "globalid"
require "support/testing_kit"

RSpec.describe Karafka::ActiveJob::CurrentAttributes do
  include TestingKit

  let(:consumer) { karafka.consumer_for(:default) }
  let(:done) { [] }

  before do
    stub_const("Account", account_class)
    allow(GlobalID).to receive(:app).and_return("shop")
    allow(ActiveJob::Base).to receive(:logger).and_return(nil)
    stub_const("CurrentShop", Class.new(ActiveSupport::CurrentAttributes) { attribute :account })
    described_class.persist("CurrentShop")
    application { active_job_topic :default }
    consumer
  end

  after { described_class.instance_variable_set(:@names, [].freeze) }

  def account_class
    Class.new do
      include GlobalID::Identification
      attr_reader :id

      class << self
        attr_accessor :deleted

        def find(id) = deleted ? raise("no account #{id}") : new(id)
      end

      def initialize(id) = @id = id
    end
  end

  def job_class(&settings)
    done = self.done
    stub_const("SomeJob", Class.new(ActiveJob::Base) do
      self.queue_adapter = :karafka
      define_method(:perform) { |*given| done << [:performed, CurrentShop.account&.id, *given] }
      class_exec(done, &settings) if settings
    end)
  end

  # Of an account that is deleted before it is performed.
  def enqueue_for_deleted(job)
    CurrentShop.set(account: Account.new("7")) { job.perform_later(1) }
    Account.deleted = true
  end

  it "lets the job's class say what becomes of a job whose attributes are gone" do
    enqueue_for_deleted(job_class { |done| discard_on(ActiveJob::DeserializationError) { |_, error| done << error.message } })
    expect(karafka.run(consumer)).to be_clean
    expect(done).to contain_exactly(/no account 7/)
  end

  it "keeps them for a job that tries again" do
    enqueue_for_deleted(job_class { retry_on(ActiveJob::DeserializationError, wait: 0) { |_, error| raise error } })
    karafka.run(consumer, attempts: 1)
    expect(karafka.produced_messages.map { |message| message[:headers] }.uniq)
      .to contain_exactly(include("active_job_current_attributes" => /gid:/))
    Account.deleted = false
    SomeJob.perform_later(2)
    karafka.run(consumer)
    expect(done).to eq([[:performed, "7", 1], [:performed, nil, 2]])
  end

  it "sets them after Rails has loaded changed code, which forgets them" do
    reload = Class.new do
      def around(_)
        ActiveSupport::CurrentAttributes.clear_all
        yield
      end
    end.new
    callbacks = ActiveJob::Callbacks.singleton_class
    callbacks.set_callback(:execute, :around, reload, prepend: true)
    job_class
    CurrentShop.set(account: Account.new("7")) { SomeJob.perform_later }
    karafka.run(consumer)
    expect(done).to eq([[:performed, "7"]])
  ensure
    callbacks.skip_callback(:execute, :around, reload)
  end

  it "sets them for the job of the message, and for none that it executes itself" do
    done = self.done
    job_class
    stub_const("OuterJob", Class.new(ActiveJob::Base) do
      self.queue_adapter = :karafka
      define_method(:perform) do
        CurrentShop.account = nil
        ActiveJob::Base.execute(SomeJob.new.serialize)
      end
    end)
    CurrentShop.set(account: Account.new("7")) { OuterJob.perform_later }
    karafka.run(consumer)
    expect(done).to eq([[:performed, nil]])
  end

  it "performs no job without them" do
    enqueue_for_deleted(job_class)
    expect { karafka.run(consumer) }.to raise_error(ActiveJob::DeserializationError)
    expect(done).to be_empty
  end
end
