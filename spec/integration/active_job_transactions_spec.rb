# frozen_string_literal: true

require "spec_helper"
require "active_record"
require "support/optional_gems"
require "karafka/active_job"

RSpec.describe "jobs that are enqueued in a transaction of the database", skip: OptionalGems.missing("sqlite3") do
  held_back = ActiveJob.version >= Gem::Version.new("7.2") && ActiveJob.version < Gem::Version.new("8")

  before(:all) do
    ActiveRecord::Base.establish_connection(adapter: "sqlite3", database: ":memory:")
    # As Rails does.
    ActiveJob::Base.include(ActiveJob::EnqueueAfterTransactionCommit) if held_back
  end

  after(:all) { ActiveRecord::Base.remove_connection }

  before do
    @level = ActiveJob::Base.logger
    ActiveJob::Base.logger = Logger.new(nil)
    Karafka::App.setup do |config|
      config.kafka = { "bootstrap.servers": "127.0.0.1:9" }
      config.producer { |producer| producer.client_class = WaterDrop::Clients::Buffered }
    end
  end

  after do
    Karafka.producer.close
    ActiveJob::Base.logger = @level
  end

  def job_class(**options)
    stub_const("SomeJob", Class.new(ActiveJob::Base) do
      self.queue_adapter = :karafka
      karafka_options(**options) unless options.empty?
      def perform(*) = nil
    end)
  end

  # @return [Array<Integer>] the argument of each job
  def sent = Karafka.producer.client.messages_for("default").map { |message| JSON.parse(message[:payload])["arguments"].first }

  # One in a transaction that is rolled back, and one in a transaction that is committed.
  # @return [Array<Array<Integer>>] what was sent before the commit, and after it
  def sent_around_commit(job)
    ActiveRecord::Base.transaction do
      job.perform_later(1)
      raise ActiveRecord::Rollback
    end
    before = nil
    ActiveRecord::Base.transaction do
      job.perform_later(2)
      before = sent
    end
    [before, sent]
  end

  it "are sent with its commit, and never after a rollback, where their class says so" do
    expect(sent_around_commit(job_class(dispatch_method: :produce_after_commit))).to eq([[], [2]])
  end

  if held_back
    it "are held back by Rails 7.2 with its new defaults, where it asks the adapter" do
      job = job_class
      job.enqueue_after_transaction_commit = :default
      expect(sent_around_commit(job)).to eq([[], [2]])
    end
  end

  if ActiveJob.version >= Gem::Version.new("7.1")
    it "are sent many at once with its commit" do
      job = job_class(dispatch_many_method: :produce_many_after_commit)
      ActiveRecord::Base.transaction do
        ActiveJob.perform_all_later([job.new(1), job.new(2)])
        raise ActiveRecord::Rollback
      end
      ActiveRecord::Base.transaction { ActiveJob.perform_all_later([job.new(3), job.new(4), job.new(5)]) }
      expect(sent).to eq([3, 4, 5])
    end
  end
end
